"""What can go wrong between the ledger and its published copies."""


class PublishingError(Exception):
    """Something could not be published; the message names the place and what to do."""


class PublishingRefused(PublishingError):
    """It will fail again until a setting, a table or a right is put in order."""


class PublishingInterrupted(PublishingError):
    """The place did not answer, or had too much to do: the same may succeed later."""
