"""How a voice path tells the line: a defect of the listener never ends the voice of a call."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import ParamSpec

from firmware.voice.path import AudioCounters

P = ParamSpec("P")

_log = logging.getLogger(__name__)


class Reporter:
    """Calls back for the path *name*; one thread at a time.

    What goes wrong there is counted in ``callback_errors``, from which the line learns that it may
    be deaf. The log gets the first of each kind with its traceback: a detector that is broken
    fails fifty times a second.
    """

    def __init__(self, name: str, counters: AudioCounters) -> None:
        self._name = name
        self._counters = counters
        self._logged: set[type[Exception]] = set()

    def __call__(self, callback: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> None:
        try:
            callback(*args, **kwargs)
        except Exception as error:  # noqa: BLE001
            self._counters.callback_errors += 1
            if type(error) not in self._logged:
                self._logged.add(type(error))
                _log.exception("%s: the box failed at what the voice path told it", self._name)
