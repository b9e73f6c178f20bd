"""Messages name the settings of the parameters that they refer to."""

import os
from unittest import mock

from newsclust_pipeline.definitions import build_defs
from newsclust_pipeline.defs.settings import SETTINGS, name_settings


def test_references_become_settings_and_other_words_in_backquotes_stay():
    message = "Set `embedder.model` or `data_dir`; `torch.zeros` and `k` stay."
    assert name_settings(message) == (
        "Set NEWSCLUST_EMBEDDER_MODEL or NEWSCLUST_DATA_DIR; `torch.zeros` and `k` stay."
    )


def test_the_definitions_read_every_setting():
    with mock.patch.object(os, "environ", mock.MagicMock()) as environ:
        environ.get.return_value = None
        build_defs()
    read = {call.args[0] for call in environ.get.call_args_list}
    at_import = {"NEWSCLUST_CONFIG", "NEWSCLUST_KEY_PREFIX"}  # read when the assets are defined
    assert {setting.name for setting in SETTINGS} - at_import <= read
