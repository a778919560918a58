"""A workload that stays: prints a line of JSON for every state its stream brings, and for its end.

Argument: the socket.
"""

import json
import sys
import threading

from spiffe import WorkloadApiClient

done = threading.Event()


def say(**what):
    print(json.dumps(what), flush=True)


def on_success(context):
    leaf = context.default_svid.leaf
    life = leaf.not_valid_after_utc - leaf.not_valid_before_utc
    say(serial=f"{leaf.serial_number:032x}", life=int(life.total_seconds()))


def on_error(error):
    say(error=str(error))
    done.set()


with WorkloadApiClient(f"unix://{sys.argv[1]}") as client:
    stream = client.stream_x509_contexts(on_success, on_error, retry_connect=False)
    done.wait(120)
