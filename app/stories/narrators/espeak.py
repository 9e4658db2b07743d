"""espeak-ng: a real synthesizer that needs no account and no network, only an apt package."""

import subprocess

from stories.narrators.base import NarratorError

SECONDS = 60  # for some hundred characters; usually it takes a tenth of one


class Espeak:
    def narrate(self, text: str) -> bytes:
        # The text goes in by stdin: as an argument it would be visible to every process listing,
        # bounded in length, and an option when it begins with a dash.
        try:
            spoken = subprocess.run(
                ["espeak-ng", "--stdin", "--stdout"],
                input=text.encode(),
                capture_output=True,
                timeout=SECONDS,
                check=True,
            )
        except FileNotFoundError as error:
            raise NarratorError(
                "The program espeak-ng is missing: install the apt package espeak-ng "
                "where the worker runs."
            ) from error
        except subprocess.TimeoutExpired as error:
            raise NarratorError(f"espeak-ng did not finish within {SECONDS} seconds.") from error
        except subprocess.CalledProcessError as error:
            said = error.stderr.decode(errors="replace").strip()
            raise NarratorError(f"espeak-ng ended with code {error.returncode}: {said}") from error
        return spoken.stdout
