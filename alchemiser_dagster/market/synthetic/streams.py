"""Random numbers by name: every path of the synthetic market draws from a stream of its own.

A stream is a Philox generator whose key is a hash of (seed, name), read one session after the
other. Hence a longer span only reads on, and a new instrument leaves all other paths alone.
"""

from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

Path = NDArray[np.float64]
"""One number per session, from the first session of the market on."""


def normals(seed: int, name: str, sessions: int, per_session: int) -> NDArray[np.float64]:
    """Standard normals, shape (sessions, per_session); row t does not depend on `sessions`."""
    return _generator(seed, name).standard_normal((sessions, per_session))


def uniforms(seed: int, name: str, sessions: int) -> Path:
    """Uniforms on [0, 1), one per session."""
    return _generator(seed, name).random(sessions)


def shocks(seed: int, name: str, sessions: int, tail: float) -> Path:
    """Fat-tailed shocks of mean 0 and variance 1, one per session.

    A normal variance mixture, x = z sqrt(1 - tail + tail w^2) with z, w standard normals: its
    kurtosis is 3 (1 + 2 tail^2), from 3 (tail 0) to 9 (tail 1).
    """
    z, w = normals(seed, name, sessions, 2).T
    mixed: Path = z * np.sqrt(1 - tail + tail * w * w)
    return mixed


def phase(name: str, length: int) -> int:
    """A fixed number from 0 to length - 1 for a name, the same for every seed."""
    return int.from_bytes(sha256(name.encode()).digest()[:4]) % length


def _generator(seed: int, name: str) -> np.random.Generator:
    key = sha256(f"{seed}/{name}".encode()).digest()[:16]
    return np.random.Generator(np.random.Philox(key=int.from_bytes(key)))
