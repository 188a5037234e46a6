#!/usr/bin/env python3
"""A server of S3's protocol that checks every signature, with one bucket named `evidence`.

It is moto's, from PyPI, with its checks of identity switched on. Prints its port, an access key and that key's secret on
one line. Then it reads words: `list` prints how many objects there are, `spoil` puts other bytes in the place of each and
prints `done`. It goes when its standard input ends.
"""

import logging
import os
import sys

# As many calls are let through unsigned as make the bucket and the one who may use it.
os.environ["INITIAL_NO_AUTH_ACTION_COUNT"] = "4"
logging.disable(logging.CRITICAL)
printing, sys.stdout = sys.stdout, sys.stderr

import boto3  # noqa: E402
from moto.server import ThreadedMotoServer  # noqa: E402

server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
port = server.get_host_and_port()[1]
made = dict(
    endpoint_url=f"http://127.0.0.1:{port}",
    region_name="us-east-1",
    aws_access_key_id="making",
    aws_secret_access_key="making",
)
users = boto3.client("iam", **made)
users.create_user(UserName="countersign")
key = users.create_access_key(UserName="countersign")["AccessKey"]
everything = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}'
users.put_user_policy(UserName="countersign", PolicyName="s3", PolicyDocument=everything)
boto3.client("s3", **made).create_bucket(Bucket="evidence")
print(port, key["AccessKeyId"], key["SecretAccessKey"], file=printing, flush=True)
objects = boto3.resource(
    "s3",
    endpoint_url=made["endpoint_url"],
    region_name="us-east-1",
    aws_access_key_id=key["AccessKeyId"],
    aws_secret_access_key=key["SecretAccessKey"],
).Bucket("evidence").objects
for word in sys.stdin:
    if word.strip() == "spoil":
        for each in objects.all():
            each.put(Body=b"other")
        print("done", file=printing, flush=True)
    else:
        print(len(list(objects.all())), file=printing, flush=True)
server.stop()
