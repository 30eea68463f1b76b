"""The files of the tearsheets."""

ACCOUNT_FILE, INDEX_FILE = "account.html", "index.html"


def file_of(book: str) -> str:
    """The file of a book's tearsheet; one that is called like another page steps aside."""
    file = f"{book}.html"
    # No book has a hyphen in its name.
    return f"book-{file}" if file in (ACCOUNT_FILE, INDEX_FILE) else file
