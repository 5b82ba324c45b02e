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

local function row(kind, name, text)
  local remaining = ''
  if kind == 'server' then
    remaining = string.format('%.0f', tonumber(redis.call('ZSCORE', leasesKey, name) or 0) - now())
  end
  return {kind, name, text, remaining}
end
`;

/** ARGV: the epoch to set if there is none yet, then pairs of kind and name; an empty name means all documents of the kind. */
export const readScript = `${common}
local epoch = redis.call('GET', epochKey)
if not epoch then
  epoch = ARGV[1]
  redis.call('SET', epochKey, epoch)
end
local rows, generation = {}, 0
for i = 2, #ARGV, 2 do
  local kind, name = ARGV[i], ARGV[i + 1]
  if name == '' then
    generation = tonumber(redis.call('HGET', generationsKey, kind) or 0)
    local all = redis.call('HGETALL', hashes[kind])
    for j = 1, #all, 2 do rows[#rows + 1] = row(kind, all[j], all[j + 1]) end
  else
    local text = redis.call('HGET', hashes[kind], name)
    if text then rows[#rows + 1] = row(kind, name, text) end
  end
end
return {epoch, generation, rows}
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

/** ARGV: id, instance, then pairs of channel and message to publish if the lease had ended. Returns nil if `instance` does not hold the lease. */
export const renewScript = `${common}
local id = ARGV[1]
local text = redis.call('HGET', hashes.server, id)
local json = text and string.match(text, '^%d+|(.*)$')
if not json then return nil end
local readable, record = pcall(cjson.decode, json)
if not readable or type(record) ~= 'table' or record.instance ~= ARGV[2] or type(record.ttl) ~= 'number' then return nil end
local time = now()
local hadEnded = tonumber(redis.call('ZSCORE', leasesKey, id) or 0) <= time
redis.call('ZADD', leasesKey, time + record.ttl, id)
local rows = {row('server', id, text)}
if type(record.environment) == 'string' then
  local environment = redis.call('HGET', hashes.environment, record.environment)
  if environment then rows[2] = row('environment', record.environment, environment) end
end
if hadEnded then
  for i = 3, #ARGV, 2 do redis.call('PUBLISH', ARGV[i], ARGV[i + 1]) end
end
return {redis.call('GET', epochKey) or '', 0, rows}
`;
