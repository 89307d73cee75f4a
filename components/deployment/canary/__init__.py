"""The canary: how a new release is judged beside the stable one."""
