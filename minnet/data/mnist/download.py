"""The download fetches the four published files of MNIST from one of two mirrors and compares their SHA-256."""

from pathlib import Path
from urllib.parse import urlsplit

from minnet.core.console import is_terminal
from minnet.core.extras import require

MIRRORS = (
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
)
ARCHIVES = {  # the SHA-256 of each, as published
    "train-images-idx3-ubyte.gz": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    "train-labels-idx1-ubyte.gz": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    "t10k-images-idx3-ubyte.gz": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    "t10k-labels-idx1-ubyte.gz": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
}
TIMEOUT = 10.0  # seconds without a byte after which a mirror is given up


def download_mnist(folder: Path) -> list[str]:
    """Fetch what is missing of the four files; return why it failed, a short line for each mirror, or an empty list.

    A file appears in the folder whole and right, or not at all, also if several processes fetch it at once. One that
    is not the published file is replaced. Raises MissingExtraError if pooch is not installed.
    """
    pooch = require("pooch", "data")
    fetch = pooch.HTTPDownloader(timeout=TIMEOUT, progressbar=is_terminal())
    reasons = []
    for mirror in MIRRORS:
        try:
            for name, sha256 in ARCHIVES.items():
                # pooch fetches into a temporary file, compares the SHA-256, and only then gives the file its name.
                pooch.retrieve(mirror + name, f"sha256:{sha256}", fname=name, path=folder, downloader=fetch)
            return []
        except (OSError, ValueError) as error:  # the errors of requests are OSErrors
            reasons.append(f"{urlsplit(mirror).hostname}: {_reason(error)}")
    return reasons


def _reason(error: Exception) -> str:
    """Say in a few words why a mirror failed."""
    failures = require("requests.exceptions", "data")
    if "timed out" in str(error):
        return f"no answer within {TIMEOUT:.0f} s"
    match error:
        case failures.HTTPError():
            return f"answered {error.response.status_code}"
        case failures.ConnectionError():
            return "no connection"
        case failures.RequestException():
            return f"the connection broke ({type(error).__name__})"
        case ValueError():
            return "sent another file (a log-in page?): its SHA-256 is wrong"
    return f"cannot write there ({error})"
