"""An answer from a language model behind an API of OpenAI's form (POST /chat/completions)."""

import json
import urllib.error
import urllib.request
from collections.abc import Sequence

from agent.answering.base import ProviderError
from agent.reading.briefing import Passage

SECONDS = 120
TOO_MANY_REQUESTS = 429
SERVER_ERROR = 500

INSTRUCTION = (
    "Answer the question in at most five sentences, from the numbered passages alone. "
    "Name the passages that you use in brackets. Say so when they do not answer it."
)


class ProviderAnswerer:
    """Asks a provider."""

    def __init__(self, url: str, model: str, api_key: str) -> None:
        self.name = model
        self._url = f"{url.rstrip('/')}/chat/completions"
        self._api_key = api_key

    def answer(self, question: str, passages: Sequence[Passage]) -> str:
        """What the model makes of the passages."""
        numbered = "\n".join(f"[{number}] {passage.text}" for number, passage in enumerate(passages, start=1))
        body = {
            "model": self.name,
            "messages": [
                {"role": "system", "content": INSTRUCTION},
                {"role": "user", "content": f"{numbered}\n\nQuestion: {question}"},
            ],
        }
        request = urllib.request.Request(  # noqa: S310 the owner's own setting
            self._url,
            json.dumps(body).encode(),
            {"Authorization": f"Bearer {self._api_key}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=SECONDS) as response:  # noqa: S310
                text = json.load(response)["choices"][0]["message"]["content"]
        except urllib.error.HTTPError as error:
            again = error.code == TOO_MANY_REQUESTS or error.code >= SERVER_ERROR
            raise ProviderError(f"The provider answered {error.code} {error.reason}.", again=again) from error
        except OSError as error:
            raise ProviderError(f"The provider cannot be reached: {error}", again=True) from error
        except (ValueError, LookupError, TypeError) as error:
            raise ProviderError(
                "The provider's answer has another form than expected.", again=False
            ) from error
        return str(text).strip()
