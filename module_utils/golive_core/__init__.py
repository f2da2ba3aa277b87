"""Pure functions of golive: no host, no Ansible, standard library only."""
