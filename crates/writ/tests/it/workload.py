"""A workload as somebody else's software sees it: the Python package `spiffe`, over gRPC's C core.

Prints one JSON object about what it got. Arguments: the socket, then an audience.
"""

import json
import sys

from spiffe import SpiffeId, WorkloadApiClient

socket, audience = sys.argv[1], sys.argv[2]
with WorkloadApiClient(f"unix://{socket}") as client:
    x509 = client.fetch_x509_svid()
    context = client.fetch_x509_context()
    bundles = client.fetch_x509_bundles()
    jwt = client.fetch_jwt_svid(audience={audience})
    keys = client.fetch_jwt_bundles()
    valid = client.validate_jwt_svid(token=jwt.token, audience=audience)
    refused = None
    try:
        client.validate_jwt_svid(token=jwt.token, audience="somebody-else")
    except Exception as error:  # the package wraps what the server said
        refused = str(error)
    domain = x509.spiffe_id.trust_domain
    print(json.dumps({
        "x509": str(x509.spiffe_id),
        "chain": len(x509.cert_chain),
        "default": str(context.default_svid.spiffe_id),
        "roots": len(bundles.get_bundle_for_trust_domain(domain).x509_authorities),
        "jwt": str(jwt.spiffe_id),
        "audience": sorted(jwt.audience),
        "keys": len(keys.get_bundle_for_trust_domain(domain).jwt_authorities),
        "valid": str(valid.spiffe_id),
        "refused": refused,
    }))
