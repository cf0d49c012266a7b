"""The lease of a run: a Redis key that its worker keeps alive, and without which nothing can be appended.

A run is one worker's execution of some waiting responses of a battle. The lease's value is the number of the
run's last append, or "swept" once the run has been given up for dead. Each script is atomic:

- append: refused if the lease is gone or swept, so a worker that was paused cannot write into its successor's
  text; skipped if this number was appended already, so that a retry after a lost connection doubles nothing;
- renew: never revives a swept lease;
- restore: brings back one that Redis has forgotten, but not a swept one;
- sweep: takes it over if it is absent. Whoever gets it may hand the run's responses to another run;
- release: gives it up, but leaves the mark of a sweep.

Runs that have not been closed are in a set. A run whose worker died after its last response was saved, and before
anybody was told, is found there and nowhere else: the database has nothing of it that still plays.
"""

from enum import IntEnum
from uuid import UUID

LEASE_S = 6.0
RENEW_EVERY_S = 1.0
SWEPT = "swept"
OPEN_RUNS = "arena:runs"
# A swept mark must outlive any pause of the worker that lost the lease.
SWEPT_S = 24 * 60 * 60
# Whoever swept a lease and has not taken the run over after this time has died as well.
TAKE_OVER_S = 10


def lease_key(run_id: UUID | str) -> str:
    return f"arena:lease:{run_id}"


class Append(IntEnum):
    """What became of an append."""

    DONE = 1
    ALREADY = 0
    FENCED = -1  # swept: another run has, or will have, these responses
    LOST = -2  # Redis has forgotten the lease, or the latest appends
    REFUSED = -3  # the log does not take it


class Renewal(IntEnum):
    DONE = 1
    LOST = 0
    FENCED = -1


# One call for all runs of a worker. KEYS: lease and log of each. ARGV: entries to keep, log expiry in s; then for each
# the number of its append and the entry. Returns an Append for each.
APPEND_SCRIPT = """
local function append(lease, log, number, entry)
    local last = redis.call('GET', lease)
    if not last then return -2 end
    if last == 'swept' then return -1 end
    last = tonumber(last)
    if tonumber(number) <= last then return 0 end
    if tonumber(number) ~= last + 1 then return -2 end
    if redis.pcall('XADD', log, 'MAXLEN', '~', ARGV[1], '*', 'e', entry).err then return -3 end
    redis.call('SET', lease, number, 'KEEPTTL')
    if number == '1' then redis.call('EXPIRE', log, ARGV[2]) end
    return 1
end
local results = {}
for i = 1, #KEYS / 2 do
    results[i] = append(KEYS[2 * i - 1], KEYS[2 * i], ARGV[2 * i + 1], ARGV[2 * i + 2])
end
return results
"""

# KEYS: the leases of a worker's runs. ARGV: lease in ms. Returns a Renewal for each.
RENEW_SCRIPT = """
local results = {}
for i, lease in ipairs(KEYS) do
    local last = redis.call('GET', lease)
    if not last then
        results[i] = 0
    elseif last == 'swept' then
        results[i] = -1
    else
        redis.call('PEXPIRE', lease, ARGV[1])
        results[i] = 1
    end
end
return results
"""

# KEYS: lease, open runs. ARGV: lease in ms, run. Count appends from zero again; returns 0 if the lease is swept.
RESTORE_SCRIPT = """
if redis.call('GET', KEYS[1]) == 'swept' then return 0 end
redis.call('SET', KEYS[1], '0', 'PX', ARGV[1])
redis.call('SADD', KEYS[2], ARGV[2])
return 1
"""

# KEYS: lease. ARGV: how long the mark stays in s; 1 if the owner is known to be dead, else 0; after how many s
# another may take over what has been swept already. Returns 1 if the run is the caller's to take over.
SWEEP_SCRIPT = """
local held = redis.call('GET', KEYS[1])
if held == 'swept' and ARGV[2] == '0' then
    if ARGV[1] - redis.call('TTL', KEYS[1]) < tonumber(ARGV[3]) then return 0 end
elseif held and ARGV[2] == '0' then
    return 0
end
redis.call('SET', KEYS[1], 'swept', 'EX', ARGV[1])
return 1
"""

# KEYS: lease, open runs. ARGV: run. A swept one stays open until whoever swept it has seen to it.
RELEASE_SCRIPT = """
if redis.call('GET', KEYS[1]) ~= 'swept' then
    redis.call('DEL', KEYS[1])
    redis.call('SREM', KEYS[2], ARGV[1])
end
"""
