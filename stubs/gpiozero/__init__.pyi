from collections.abc import Callable
from typing import Any

from gpiozero.pins import Factory

class Device:
    def __init__(self, *, pin_factory: Factory | None = ...) -> None: ...
    def close(self) -> None: ...
    @property
    def value(self) -> Any: ...

class GPIODevice(Device):
    def __init__(
        self, pin: int | str | None = ..., *, pin_factory: Factory | None = ...
    ) -> None: ...
    @property
    def pin(self) -> Any: ...

class DigitalInputDevice(GPIODevice):
    when_activated: Callable[[], None] | None
    when_deactivated: Callable[[], None] | None
    def __init__(
        self,
        pin: int | str | None = ...,
        *,
        pull_up: bool | None = ...,
        active_state: bool | None = ...,
        bounce_time: float | None = ...,
        pin_factory: Factory | None = ...,
    ) -> None: ...

class DigitalOutputDevice(GPIODevice):
    def __init__(
        self,
        pin: int | str | None = ...,
        *,
        active_high: bool = ...,
        initial_value: bool | None = ...,
        pin_factory: Factory | None = ...,
    ) -> None: ...
    def on(self) -> None: ...
    def off(self) -> None: ...

class LED(DigitalOutputDevice):
    value: Any
