"""What task groups raise."""


def first_error(error: BaseException) -> BaseException:
    """What went wrong, without the groups around it: the first of several."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
