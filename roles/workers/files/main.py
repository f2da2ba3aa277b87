"""The service golive-workers; its parts lie beside this file."""

import sys

from golive_core.worker_service import main

sys.exit(main(sys.argv[1:]))
