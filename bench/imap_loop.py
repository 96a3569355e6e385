"""Appends every file of a folder to one mailbox, one by one: what a script with imaplib does.

    imap_loop.py PORT USER PASSWORD FOLDER FILES
"""

import imaplib
import pathlib
import sys
import time

port, user, password, folder, files = sys.argv[1:]
mails = [path.read_bytes() for path in sorted(pathlib.Path(files).iterdir())]
client = imaplib.IMAP4("127.0.0.1", int(port))
client.login(user, password)
client.create(f'"{folder}"')
started = time.monotonic()
for mail in mails:
    status, answer = client.append(f'"{folder}"', "(\\Seen)", imaplib.Time2Internaldate(time.time()), mail)
    assert status == "OK", answer
print(time.monotonic() - started)
client.logout()
