"""Who runs this process."""

import getpass


def this_user() -> str:
    """Name of the user of this process, by the environment or the system.

    Raises
    ------
    ValueError
        If neither names one, as in a container whose user has a number alone.
    """
    try:
        return getpass.getuser()
    except (KeyError, OSError) as error:
        raise ValueError("--by must say who promotes: neither the environment nor the system names a user") from error
