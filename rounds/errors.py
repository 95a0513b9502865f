"""The one error a user is meant to read."""


class UserError(Exception):
    """Something the user can put right: the message says where, what, and what would be right.

    The command line prints it alone and exits with 2; nothing has been spent when it is raised.
    """
