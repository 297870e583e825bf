"""Downloads the source archive of a Python package and runs nothing of it.

`pip download` of a source archive runs the package's own build script to learn its metadata. Here
pip only looks the file up and fetches it.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any


def download(name: str, version: str, folder: Path) -> None:
    """Fetch NAME==VERSION into a folder, with pip's own settings, indexes and checksums.

    Raises:
        LookupError: the index has no source archive of that version.
    """
    from pip._internal.commands import create_command
    from pip._internal.network.download import Downloader
    from pip._internal.operations.prepare import get_http_url
    from pip._internal.utils.hashes import Hashes
    from pip._internal.utils.temp_dir import global_tempdir_manager
    from pip._vendor.packaging.specifiers import SpecifierSet

    command: Any = create_command("download")
    options, _ = command.parse_args(["--no-deps", "--no-binary", ":all:", "--quiet"])
    with command.main_context(), global_tempdir_manager():
        session = command.get_default_session(options)
        finder = command._build_package_finder(options, session)
        best = finder.find_best_candidate(name, SpecifierSet(f"=={version}")).best_candidate
        if best is None:
            raise LookupError(f"no source archive of {name}=={version} in the index")
        if best.link.is_file:
            file = Path(best.link.file_path)
        else:
            expected = Hashes({best.link.hash_name: [best.link.hash]} if best.link.hash else None)
            fetch = Downloader(session, "off")
            file = Path(get_http_url(best.link, fetch, hashes=expected).path)
        # pip's own folder is gone once its manager is left.
        # The index says how the file is called; it does not say where it goes.
        shutil.copyfile(file, folder / Path(best.link.filename).name)


if __name__ == "__main__":
    try:
        download(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
    except LookupError as error:
        sys.exit(str(error))
