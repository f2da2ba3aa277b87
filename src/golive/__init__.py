"""The golive command: sets up, then hands the work to Ansible. What a go-live does stands in playbooks/ and roles/."""
