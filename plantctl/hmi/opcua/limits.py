"""How much one client, and all clients together, may ask of the server. What each limit protects stands beside it.

The page, the control socket and this server share a process and its memory. No client, trusted or not, may take either
for itself; the scan is another process and is not reached by any of this.
"""

from typing import Final

# -- of a connection, before anybody is known

HELLO_S: Final = 5.0  # the first message is there
CHANNEL_S: Final = 10.0  # the channel is open
LOGIN_S: Final = 20.0  # somebody has logged in: who only asks for endpoints has long gone by then
HELLO_BYTES_MAX: Final = 4_200  # 32 bytes and an address, which the standard limits to 4,096
# To open a channel: a certificate, and what it takes our key to read, in blocks of a millisecond each.
OPEN_BYTES_MAX: Final = 8_192
STRANGER_BYTES_MAX: Final = 32_768  # a message: certificates of 4,096-bit keys and little else

# -- of a session

CHUNK_BYTES_MAX: Final = 65_535
MESSAGE_BYTES_MAX: Final = 131_072  # a thousand monitored items asked for at once
CHUNKS_MAX: Final = 20
OUT_BYTES_MAX: Final = 1 << 20  # what waits for a client that does not read
STALLED_S: Final = 10.0  # for so long it may take nothing
ENDING_S: Final = 2.0  # for so long a farewell waits to be taken
SESSION_MS_MAX: Final = 120_000.0
SESSION_MS_MIN: Final = 5_000.0
TOKEN_MS_MAX: Final = 3_600_000  # of a channel's keys
TOKEN_MS_MIN: Final = 60_000
OPERATIONS_MAX: Final = 1_000  # nodes of one read, write, browse and so on
REFERENCES_MAX: Final = 1_000  # of one answer to a browse; the rest with a continuation point
ANSWERED_MAX: Final = 5_000  # of all nodes of one browse
PATHS_MAX: Final = 100  # of one translation: each may have to look through a folder of thousands
CONTINUATIONS_MAX: Final = 10
REQUEST_LONG_NS: Final = 5_000_000  # who asks for more work than this at once rests as long as it took
LIGHT_BYTES_MAX: Final = 8_192  # a larger message may take long, and waits for its turn from the first
WAITING_BYTES_MAX: Final = 65_536  # messages that came while one is worked at: then nothing more is read

# -- of subscriptions

SUBSCRIPTIONS_MAX: Final = 10  # of a session
PUBLISHING_MS_MIN: Final = 100.0
PUBLISHING_MS_MAX: Final = 60_000.0
LIFETIME_MS_MAX: Final = 600_000.0
KEEP_ALIVE_MS_MAX: Final = 30_000.0
QUEUE_MAX: Final = 100  # values that wait of one item
QUEUED_MAX: Final = 20_000  # values that wait of one session, and again of its messages that it has not acknowledged
PUBLISH_REQUESTS_MAX: Final = 10
ITEMS_MAX: Final = 20_000  # of all sessions together
