"""The one error a user can cause: a sentence that says what is wrong, with which file, and what would be right."""


class InputError(ValueError):
    """Bad input, with a message of one sentence.

    The command line prints the sentence and exits with 2 when ``usage`` is true (the call itself is wrong:
    an option, an empty text) and with 1 otherwise (a file or a disk is at fault).
    """

    def __init__(self, message: str, *, usage: bool = False) -> None:
        super().__init__(message)
        self.usage = usage

    @property
    def exit_code(self) -> int:
        """2 for a wrong call, 1 for a failure."""
        return 2 if self.usage else 1
