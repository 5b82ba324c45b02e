import { kinds } from '../store.ts';

/**
 * Names of the keys that every script gets, in this order: epoch, counter, generations, leases, then a hash for each kind of document.
 * All keys have one hash tag, so that the scripts also run on a Cluster. A document is a field of its kind's hash, as `revision|text`.
 * The documents are read and changed only by these scripts, each of which is atomic. They need Redis 7.0 or later.
 */
export const keyNames = ['epoch', 'counter', 'generations', 'leases', ...kinds] as const;

const firstKind = keyNames.length - kinds.length + 1;

const common = `
local epochKey, counterKey, generationsKey, leasesKey = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local hashes = {${kinds.map((kind, index) => `${kind} = KEYS[${firstKind + index}]`).join(', ')}}

local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- A server without a lease: Redis evicted the leases. Its lease ended just now, so that it is removed neither at once nor never.
local function leaseEnd(name)
  local ends = redis.call('ZSCORE', leasesKey, name)
  if not ends then
    ends = now() - 1
    redis.pcall('ZADD', leasesKey, ends, name)
  end
  return tonumber(ends)
end

local function row(kind, name, text)
  local remaining = ''
  if kind == 'server' then remaining = string.format('%.0f', leaseEnd(name) - now()) end
  return {kind, name, text, remaining}
end

local function recordOf(text)
  local json = text and string.match(text, '^%d+|(.*)$')
  if not json then return nil end
  local readable, record = pcall(cjson.decode, json)
  return readable and type(record) == 'table' and record or nil
end

-- Begins another epoch without any server.
local function loseData(epoch)
  local servers = redis.call('HGETALL', hashes.server)
  for i = 1, #servers, 2 do
    redis.call('HDEL', hashes.server, servers[i])
    redis.call('ZREM', leasesKey, servers[i])
  end
  local another = redis.sha1hex(epoch .. now())
  redis.call('SET', epochKey, another)
  return another
end

-- Called when an environment is missing. If there is none at all although a server is in one, Redis evicted them: no rule removes the
-- one without the other. Then the data counts as lost: the epoch changes and the servers are forgotten, so that they join again, and
-- environments and deployments are restored. Otherwise the servers would be taken for servers without environment.
local function lostEnvironments(epoch)
  if #redis.call('HGETALL', hashes.environment) > 0 then return nil end
  local servers = redis.call('HGETALL', hashes.server)
  local member = false
  for i = 2, #servers, 2 do
    local record = recordOf(servers[i])
    member = member or record and type(record.environment) == 'string'
  end
  if not member then return nil end
  return loseData(epoch)
end

-- Called with each environment that is read. If it has deployments in documents of their own and Redis evicted those, the data counts as lost
-- too: the environment keeps its settings, and what was deployed is restored to it. A key is evicted as a whole, also its field without a name.
local function lostDeployments(name, text, epoch)
  if redis.call('HGET', hashes.deployment, '') and redis.call('HGET', hashes.claim, '') then return text, nil end
  local revision, json = string.match(text, '^(%d+)|(.*)$')
  if not revision or not string.find(json, '"deployed":[1-9]') then return text, nil end
  local another = loseData(epoch)
  for _, kind in ipairs({'deployment', 'claim'}) do
    local rest = redis.call('HGETALL', hashes[kind])
    for i = 1, #rest, 2 do redis.call('HDEL', hashes[kind], rest[i]) end
  end
  local all = redis.call('HGETALL', hashes.environment)
  for i = 1, #all, 2 do
    local changed, count = string.gsub(all[i + 1], '"deployed":[1-9]%d*', '"deployed":0,"lost":true', 1)
    if count > 0 then
      changed = string.gsub(changed, '^%d+|', string.format('%.0f|', redis.call('INCR', counterKey)))
      redis.call('HSET', hashes.environment, all[i], changed)
      if all[i] == name then text = changed end
    end
  end
  return text, another
end
`;

/** Begins scripts that read: sets the epoch in ARGV[1] if there is none yet. */
const commonWithEpoch = `${common}
local epoch = redis.call('GET', epochKey)
if not epoch then
  epoch = ARGV[1]
  redis.call('SET', epochKey, epoch)
end`;

/**
 * ARGV: the epoch to set if there is none yet, then kind, name and known revision of each document. A name `*PREFIX` means all documents of the kind
 * whose names begin so. The text of a document that still has the known revision is left out.
 */
export const readScript = `${commonWithEpoch}
local rows, generation = {}, 0
for i = 2, #ARGV, 3 do
  local kind, name, known = ARGV[i], ARGV[i + 1], ARGV[i + 2] .. '|'
  if string.sub(name, 1, 1) == '*' then
    local prefix = string.sub(name, 2)
    generation = tonumber(redis.call('HGET', generationsKey, kind) or 0)
    local all = redis.call('HGETALL', hashes[kind])
    if kind == 'environment' and #all == 0 then epoch = lostEnvironments(epoch) or epoch end
    for j = 1, #all, 2 do
      if all[j] ~= '' and string.sub(all[j], 1, #prefix) == prefix then
        if kind == 'environment' then
          local another
          all[j + 1], another = lostDeployments(all[j], all[j + 1], epoch)
          epoch = another or epoch
        end
        rows[#rows + 1] = row(kind, all[j], all[j + 1])
      end
    end
  else
    local text = redis.call('HGET', hashes[kind], name)
    if kind == 'environment' then
      local another
      if text then text, another = lostDeployments(name, text, epoch) else another = lostEnvironments(epoch) end
      epoch = another or epoch
    end
    if text and string.sub(text, 1, #known) == known then text = known end
    if text then rows[#rows + 1] = row(kind, name, text) end
  end
end
return {epoch, generation, rows}
`;

/**
 * Reads a piece of a kind of which there may be very many, so that no other command waits for long. ARGV: the epoch to set if there is none yet, the
 * kind, the beginning of the names, and the cursor of the piece before or 0. A document may be in two pieces. A cursor counts only in the process that
 * gave it: the answer names that, and if it has no name that can be read, or may not scan, the piece is the whole.
 */
export const pieceScript = `${commonWithEpoch}
local kind, prefix = ARGV[2], ARGV[3]
local info = redis.pcall('INFO', 'server')
local process = type(info) == 'string' and string.match(info, 'run_id:(%w+)') or ''
local page = process ~= '' and redis.pcall('HSCAN', hashes[kind], ARGV[4], 'COUNT', 500) or {}
if not page[1] then page = {'0', redis.call('HGETALL', hashes[kind])} end
local rows, all = {}, page[2]
for i = 1, #all, 2 do
  if all[i] ~= '' and string.sub(all[i], 1, #prefix) == prefix then rows[#rows + 1] = row(kind, all[i], all[i + 1]) end
end
return {{epoch, tonumber(redis.call('HGET', generationsKey, kind) or 0), rows}, page[1], process}
`;

/** ARGV: the change as JSON, then pairs of channel and message. Returns 1, or 0 if an expectation did not hold. */
export const commitScript = `${common}
local change = cjson.decode(ARGV[1])
if redis.call('GET', epochKey) ~= change.epoch then return 0 end
for _, key in ipairs(change.expect) do
  local text = redis.call('HGET', hashes[key.kind], key.name)
  local revision = text and tonumber(string.match(text, '^(%d+)|')) or 0
  if revision ~= key.revision then return 0 end
end
if change.expectAll then
  local generation = tonumber(redis.call('HGET', generationsKey, change.expectAll.kind) or 0)
  if generation ~= change.expectAll.generation then return 0 end
end
if #change.put + #change.remove > 0 then
  local revision = redis.call('INCR', counterKey)
  for _, document in ipairs(change.put) do
    redis.call('HSET', hashes[document.kind], document.name, string.format('%.0f|', revision) .. document.text)
    redis.call('HSET', generationsKey, document.kind, revision)
    if document.kind == 'deployment' or document.kind == 'claim' then redis.call('HSET', hashes[document.kind], '', '') end
  end
  for _, key in ipairs(change.remove) do
    redis.call('HDEL', hashes[key.kind], key.name)
    redis.call('HSET', generationsKey, key.kind, revision)
    if key.kind == 'server' then redis.call('ZREM', leasesKey, key.name) end
  end
end
if change.lease then redis.call('ZADD', leasesKey, now() + change.lease.ttl, change.lease.id) end
for i = 2, #ARGV, 2 do redis.call('PUBLISH', ARGV[i], ARGV[i + 1]) end
return 1
`;

/**
 * Does what reads, changes and renewals do, with names that nothing can have, so that a missing permission, or a key that another program took, is
 * noticed without a change. It writes a lease and a generation, and nothing else.
 */
export const probeScript = `${common}
redis.call('GET', epochKey)
for _, hash in pairs(hashes) do redis.call('HGET', hash, '') end
redis.call('HGETALL', generationsKey)
redis.call('HSET', generationsKey, '', '')
redis.call('ZADD', leasesKey, now(), '')
redis.call('ZSCORE', leasesKey, '')
return 1
`;

/** ARGV: id, instance, then pairs of channel and message to publish if the lease had ended. Returns nil if `instance` does not hold the lease. */
export const renewScript = `${common}
local epoch = redis.call('GET', epochKey)
if not epoch then return nil end
local id = ARGV[1]
local text = redis.call('HGET', hashes.server, id)
local record = recordOf(text)
if not record or record.instance ~= ARGV[2] or type(record.ttl) ~= 'number' then return nil end
local time = now()
local hadEnded = tonumber(redis.call('ZSCORE', leasesKey, id) or 0) <= time
redis.call('ZADD', leasesKey, time + record.ttl, id)
local rows = {row('server', id, text)}
if type(record.environment) == 'string' then
  local environment = redis.call('HGET', hashes.environment, record.environment)
  if environment then
    local unchanged, another = lostDeployments(record.environment, environment, epoch)
    if another then return nil end
    rows[2] = row('environment', record.environment, unchanged)
  elseif lostEnvironments(epoch) then return nil end
end
if hadEnded then
  for i = 3, #ARGV, 2 do redis.call('PUBLISH', ARGV[i], ARGV[i + 1]) end
end
return {epoch, 0, rows}
`;
