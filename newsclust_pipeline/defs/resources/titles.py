"""Which language model titles the stories, if any."""

from typing import Any

import dagster as dg
import pyarrow as pa
from pydantic import Field

from newsclust_pipeline.core.errors import SettingError
from newsclust_pipeline.defs.resources.data_folder import DataFolder
from newsclust_pipeline.defs.settings import name_settings
from newsclust_pipeline.embed.client import Service
from newsclust_pipeline.stories import titles
from newsclust_pipeline.stories.title_model import TitleModel


class Titles(dg.ConfigurableResource[Any]):
    """Which language model names the stories, if any."""

    model: str = Field("", description="As its service calls it; empty for headlines as titles.")
    base_url: str = Field("", description="An OpenAI-compatible endpoint; empty for OpenAI's own.")
    api_key: str = Field("", description="Its key. Never logged or persisted.")
    folder: dg.ResourceDependency[DataFolder]

    def retitle(
        self, stories: pa.Table, documents: pa.Table, most: int, seconds: float
    ) -> titles.TitleResult:
        """Return the stories with the model's titles; see `stories.titles.retitle`.

        Without a model, or with invalid settings, they keep their headlines.
        """
        if not self.model:
            return titles.TitleResult(stories)
        memory = self.folder.file("title_answers.json")
        try:
            return titles.retitle(stories, documents, self._load(seconds), memory, most, seconds)
        except SettingError as error:
            warning = f"{name_settings(str(error))} All stories keep a headline as title."
            return titles.TitleResult(stories, warning=warning)

    def _load(self, seconds: float) -> TitleModel:
        service = Service(
            self.base_url,
            self.api_key,
            component="titles",
            timeout=min(seconds, 30),
            max_retries=2,
        )
        return TitleModel(service, self.model)
