"""The errors a user is meant to read."""


class UserError(Exception):
    """Something the user can put right: the message says where, what, and what would be right.

    The command line prints it alone and exits with 2; nothing has been spent when it is raised.
    """


class WorkFailed(RuntimeError):
    """A child process or an endpoint failed under way. What was done stays done.

    The command line prints it alone and exits with 1; the same command continues.
    """


class Stopped(WorkFailed):
    """The round was stopped on purpose; trying again without a change would stop it again."""
