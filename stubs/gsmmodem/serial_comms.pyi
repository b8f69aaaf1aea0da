from collections.abc import Callable
from typing import Any

class SerialComms:
    alive: bool
    port: str
    baudrate: int
    def __init__(
        self,
        port: str,
        baudrate: int = ...,
        notifyCallbackFunc: Callable[[list[str]], None] | None = ...,
        fatalErrorCallbackFunc: Callable[[Exception], None] | None = ...,
        *args: Any,
        **kwargs: Any,
    ) -> None: ...
    def connect(self) -> None: ...
    def close(self) -> None: ...
