"""OpenStack Swift with its s3api, of one disk and in one process: swift_store.py DIRECTORY PORT OWNER [OTHER ...].

The servers are those of Debian's python3-swift: a proxy, and one server each of accounts, containers and objects with
one replica. They listen on 127.0.0.1; the proxy on PORT, the others where there is room. Users are written as
ACCOUNT:NAME=SECRET, where ACCOUNT:NAME is the access key of S3. OWNER may do anything in its account, and others
nothing that it does not let them do. Nothing runs in the background: no replication, no expiry, no audit.
"""

import os
import sys

import eventlet

eventlet.monkey_patch()

from eventlet import wsgi
from swift.common import utils
from swift.common.ring import RingBuilder
from swift.common.storage_policy import reload_storage_policies
from swift.common.wsgi import SwiftHttpProtocol, loadapp

directory, port, users = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
kinds = ["account", "container", "object"]


def write(name, text):
    path = f"{directory}/{name}"
    with open(path, "w") as file:
        file.write(text)
    return path


os.makedirs(f"{directory}/disks/one", exist_ok=True)
write("swift.conf", """
[swift-hash]
swift_hash_path_suffix = tests
swift_hash_path_prefix = tests
[storage-policy:0]
name = one
default = yes
""")
utils.set_swift_dir(directory)
reload_storage_policies()

sockets = {kind: eventlet.listen(("127.0.0.1", 0)) for kind in kinds}
sockets["proxy"] = eventlet.listen(("127.0.0.1", port), backlog=256)
for kind in kinds:
    builder = RingBuilder(part_power=2, replicas=1, min_part_hours=0)
    builder.add_dev({"region": 1, "zone": 1, "ip": "127.0.0.1", "port": sockets[kind].getsockname()[1], "device": "one",
                     "weight": 1})
    builder.rebalance()
    builder.get_ring().save(f"{directory}/{kind}.ring.gz")

common = f"""
[DEFAULT]
swift_dir = {directory}
devices = {directory}/disks
mount_check = false
log_level = WARNING
log_address = {directory}/no-such-socket
disable_fallocate = true
conn_timeout = 30
node_timeout = 60
container_update_timeout = 30
fallocate_reserve = 0
"""
for kind in kinds:
    write(f"{kind}.conf", common + f"""
[pipeline:main]
pipeline = {kind}-server
[app:{kind}-server]
use = egg:swift#{kind}
""")
tempauth_users = "\n".join(
    f"user_{key.replace(':', '_')} = {secret} {'.admin' if number == 0 else ''}"
    for number, (key, secret) in enumerate(user.split("=", 1) for user in users))
write("proxy.conf", common + f"""
[pipeline:main]
pipeline = catch_errors gatekeeper listing_formats s3api tempauth copy slo dlo proxy-server
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:gatekeeper]
use = egg:swift#gatekeeper
[filter:listing_formats]
use = egg:swift#listing_formats
[filter:s3api]
use = egg:swift#s3api
min_segment_size = 1
[filter:tempauth]
use = egg:swift#tempauth
{tempauth_users}
[filter:copy]
use = egg:swift#copy
[filter:slo]
use = egg:swift#slo
# By default small parts are given out at one a second.
rate_limit_under_size = 0
[filter:dlo]
use = egg:swift#dlo
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
""")


def serve(kind):
    app = loadapp(f"{directory}/{kind}.conf", global_conf={"log_name": kind})

    def with_cache(environment, start_response):
        environment["swift.cache"] = cache
        return app(environment, start_response)

    # Without the capitals of eventlet, as swift's own servers are run: clients of S3 want ETag.
    wsgi.server(sockets[kind], with_cache, None, log_output=False, protocol=SwiftHttpProtocol,
                capitalize_response_headers=False)


class Cache:
    """Takes the place of memcached."""

    def __init__(self):
        self.values = {}

    def get(self, key, **_):
        return self.values.get(key)

    def set(self, key, value, **_):
        self.values[key] = value

    def delete(self, key, **_):
        self.values.pop(key, None)

    def incr(self, key, delta=1, **_):
        self.values[key] = int(self.values.get(key, 0)) + delta
        return self.values[key]


cache = Cache()
threads = [eventlet.spawn(serve, kind) for kind in [*kinds, "proxy"]]
print("ready", flush=True)
for thread in threads:
    thread.wait()
