from typing import Any

class GsmModemException(Exception): ...

class TimeoutException(GsmModemException):
    data: Any
    def __init__(self, data: Any = ...) -> None: ...

class CommandError(GsmModemException):
    command: str | None
    type: str | None
    code: int | None
    def __init__(
        self, command: str | None = ..., type: str | None = ..., code: int | None = ...
    ) -> None: ...

class CmeError(CommandError):
    def __init__(self, command: str, code: int) -> None: ...

class CmsError(CommandError):
    def __init__(self, command: str, code: int) -> None: ...
