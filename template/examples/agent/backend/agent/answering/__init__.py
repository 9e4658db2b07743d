"""Who answers the question from the passages that were found: a provider with a key, or nobody but us."""

from agent.answering.base import Answerer, ProviderError
from agent.answering.local import LocalAnswerer
from agent.answering.provider import ProviderAnswerer
from agent.settings import Provider

__all__ = ["Answerer", "ProviderError", "chosen"]


def chosen(provider: Provider) -> Answerer:
    """The provider where there is a key, otherwise the model that needs none."""
    if provider.api_key and provider.api_key.get_secret_value():
        return ProviderAnswerer(provider.url, provider.model, provider.api_key.get_secret_value())
    return LocalAnswerer()
