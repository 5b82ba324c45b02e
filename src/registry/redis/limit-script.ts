/**
 * Answers asks about limits as `limits/answer-ask.ts` does, which explains it; a test compares the two. One call carries many keys.
 *
 * KEYS: one for each ask. ARGV: for each ask holder, kind, limit, window or period, burst, back, keep, need, unit, demand, exact
 * and home (0 or 1), rate, cap, at, doubt (0 or 1). Returns for each ask tokens, rate, cap, term, left, scarce, ends, gateways, wanted, at, spare, home. A key holds `at level|gateway rate cap until demand|…` and expires once
 * the limit is as if it had never been used.
 */
export const limitScript = `
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local gateway
local floor, max, min = math.floor, math.max, math.min
local second, token = 1000000, 1000000

local function sum(parts, what)
  local total = 0
  for _, part in ipairs(parts) do total = total + part[what] end
  return total
end

local function read(key)
  local text = redis.call('GET', key)
  local at, level = string.match(text or '', '^(%d+) (-?%d+)')
  if not at then return nil end
  local parts = {}
  for name, rate, cap, untilTime, demand in string.gmatch(text, '|(%S*) (%d+) (%d+) (%d+) (%d+)') do
    parts[#parts + 1] = {gateway = name, rate = tonumber(rate), cap = tonumber(cap), ends = tonumber(untilTime), demand = tonumber(demand)}
  end
  return {at = tonumber(at), level = tonumber(level), parts = parts}
end

local function write(key, state, idleMs)
  local texts = {string.format('%.0f %.0f', state.at, state.level)}
  for _, part in ipairs(state.parts) do
    texts[#texts + 1] = string.format('%s %.0f %.0f %.0f %.0f', part.gateway, part.rate, part.cap, part.ends, part.demand)
  end
  redis.call('SET', key, table.concat(texts, '|'), 'PX', string.format('%.0f', idleMs))
end

local function split(parts)
  local own, others = nil, {}
  for _, part in ipairs(parts) do
    if part.gateway == gateway then own = part else others[#others + 1] = part end
  end
  return own, others
end

local function advance(state, rate, burst)
  local at, level, parts = state.at, state.level, state.parts
  table.sort(parts, function(one, other) return one.ends < other.ends end)
  while true do
    local first = parts[1]
    local to = max(at, first and min(first.ends, now) or now)
    local gained = floor((rate - sum(parts, 'rate')) * (to - at) / second)
    level = max(0, min(level + gained, burst - sum(parts, 'cap')))
    at = to
    if not first or first.ends > now then return {at = at, level = level, parts = parts} end
    table.remove(parts, 1)
  end
end

local function homeAmong(others, ask)
  local home, demand = '', 0
  if not ask.exact and ask.demand > 0 then home, demand = gateway, ask.demand end
  for _, part in ipairs(others) do
    if part.demand > demand then home, demand = part.gateway, part.demand end
  end
  return string.match(home, '^(.*)/') or ''
end

local function doubted(state, about)
  local others, own, lock = {}, nil, nil
  for _, part in ipairs(state.parts) do
    if part.gateway == gateway then own = part elseif part.gateway == '' then lock = part else others[#others + 1] = part end
  end
  if about.lost then lock = nil end
  local freeRate = max(0, about.rate - sum(others, 'rate'))
  local freeCap = max(0, about.burst - sum(others, 'cap'))
  local rate = min(freeRate, max(about.ask.rate, own and own.rate or 0))
  local cap = min(freeCap, max(about.ask.cap, own and own.cap or 0))
  local ends = state.at + 3 * second
  others[#others + 1] = {gateway = gateway, rate = rate, cap = cap, ends = ends, demand = about.ask.demand}
  others[#others + 1] = {gateway = '', rate = freeRate - rate, cap = freeCap - cap, ends = lock and lock.ends or ends, demand = 0}
  return others, rate, cap, rate > 0 and 3 * second or 0
end

local function bucket(known, ask)
  local burst = ask.burst
  local rate = max(1, floor(ask.limit / ask.window * second))
  local state = advance(known or {at = now, level = burst, parts = {}}, rate, burst)
  local at = state.at
  local own, others = split(state.parts)
  local wanted, gateways, without = ask.demand, 1, 1
  for _, part in ipairs(others) do
    wanted = wanted + part.demand
    if part.gateway ~= '' then
      gateways = gateways + 1
      if part.rate == 0 then without = without + 1 end
    end
  end
  local grant = {scarce = wanted > rate and 1 or 0, ends = 0, gateways = gateways, wanted = min(wanted, 1000000000 * token),
    home = homeAmong(others, ask), at = at, spare = 0}
  local idleMs = math.ceil(burst / rate * 1000 + 10000)
  local lost = ask.at > (known and known.at or 0)
  if ask.doubt or lost or (ask.rate > 0 and not own) then
    local parts
    parts, grant.rate, grant.cap, grant.term = doubted(state, {ask = ask, rate = rate, burst = burst, lost = lost})
    grant.tokens, grant.left, grant.scarce = 0, 0, 1
    return {at = at, level = 0, parts = parts}, grant, idleMs
  end
  local freeRate = max(0, rate - sum(others, 'rate'))
  local freeCap = max(0, burst - sum(others, 'cap'))
  local keep = own and min(ask.keep, own.cap) or 0
  local back = own and min(ask.back, own.cap - keep) or 0
  local level = max(0, min(state.level + back, freeCap - keep))
  local share = 0
  if not ask.exact and rate >= 20 * token then
    if ask.demand == 0 then share = freeCap / burst / 2
    else share = min(1, max(ask.demand / max(wanted, ask.home and 1 or rate / 1.5), 0.1 / gateways)) end
  end
  local partRate = min(freeRate, floor(share * rate))
  local room = floor(max(freeCap - burst * (ask.home and 0.05 or 0.25), freeCap / 2))
  local partCap = max(keep, min(room, floor(share * burst)))
  local load = wanted / rate
  local least = (load > 0.7 and load < 1.5) and 8 * token or 2 * token
  if share * rate < least or partCap < least then
    grant.tokens = min(ask.need, level - level % ask.unit)
    grant.rate, grant.cap, grant.term, grant.left = 0, 0, 0, level - grant.tokens
    grant.spare = floor(freeRate / (ask.exact and gateways or without))
    if not ask.exact then others[#others + 1] = {gateway = gateway, rate = 0, cap = 0, ends = at + second, demand = ask.demand} end
  else
    local even = floor((level + keep) * partCap / freeCap) - keep
    grant.tokens = max(0, min(level, partCap - keep, max(ask.need, even)))
    grant.left = min(level - grant.tokens, freeCap - partCap)
    grant.rate, grant.cap = partRate, partCap
    if ask.demand == 0 then grant.term = second
    elseif partRate < 0.9 * share * rate then grant.term = 2 * second
    else grant.term = floor(min(10 * second, max(second, (ask.home and 200 or 150) * second * token / ask.demand))) end
    others[#others + 1] = {gateway = gateway, rate = partRate, cap = partCap, ends = at + grant.term, demand = ask.demand}
  end
  return {at = at, level = grant.left, parts = others}, grant, idleMs
end

-- Days since 1970 of the first day of a month (1 to 12), by Howard Hinnant's algorithm.
local function daysOf(year, month)
  if month <= 2 then year = year - 1 end
  local era = floor(year / 400)
  local yearOfEra = year - era * 400
  local dayOfYear = floor((153 * ((month + 9) % 12) + 2) / 5)
  return era * 146097 + yearOfEra * 365 + floor(yearOfEra / 4) - floor(yearOfEra / 100) + dayOfYear - 719468
end

local function periodOf(period)
  local day = 86400 * second
  if period == 'month' then
    local days = floor(now / day)
    local shifted = days + 719468
    local era = floor(shifted / 146097)
    local dayOfEra = shifted - era * 146097
    local yearOfEra = floor((dayOfEra - floor(dayOfEra / 1460) + floor(dayOfEra / 36524) - floor(dayOfEra / 146096)) / 365)
    local dayOfYear = dayOfEra - (365 * yearOfEra + floor(yearOfEra / 4) - floor(yearOfEra / 100))
    local shiftedMonth = floor((5 * dayOfYear + 2) / 153)
    local month = shiftedMonth < 10 and shiftedMonth + 3 or shiftedMonth - 9
    local year = yearOfEra + era * 400 + (month <= 2 and 1 or 0)
    local nextYear, nextMonth = year, month + 1
    if nextMonth == 13 then nextYear, nextMonth = year + 1, 1 end
    return daysOf(year, month) * day, daysOf(nextYear, nextMonth) * day
  end
  local length = ({hour = day / 24, day = day, week = 7 * day})[period]
  local shift = period == 'week' and 3 * day or 0
  local start = floor((now + shift) / length) * length - shift
  return start, start + length
end

local function quota(known, ask)
  local start, ends = periodOf(ask.window)
  local before = ask.limit
  if known and known.at == start then
    before = known.level + ask.limit - (known.parts[1] and known.parts[1].cap or ask.limit)
  end
  local back = now - start > 5 * second and ask.back or 0
  local level = min(before + back, ask.limit)
  local most = max(0, level)
  local inAdvance = ask.exact and 0 or min(ask.demand * 5, most / 20)
  local needed = min(ask.need, most - most % ask.unit)
  local tokens = max(needed, min(most, inAdvance - inAdvance % token))
  local left = level - tokens
  local grant = {tokens = tokens, rate = 0, cap = ask.keep + tokens, term = ends - now, left = max(0, left)}
  grant.scarce, grant.ends, grant.gateways, grant.home = left < ask.need and 1 or 0, ends - now, 1, ''
  grant.wanted, grant.at, grant.spare = 0, now, 0
  local parts = {{gateway = '', rate = 0, cap = ask.limit, ends = ends, demand = 0}}
  return {at = start, level = left, parts = parts}, grant, math.ceil((ends - now) / 1000) + 1000
end

local function slots(known, ask)
  local live = {}
  for _, part in ipairs(known and known.parts or {}) do
    if part.ends > now then live[#live + 1] = part end
  end
  local _, others = split(live)
  local free = max(0, ask.limit - sum(others, 'cap') - ask.keep)
  local gateways = #others + 1
  local spare = ask.exact and 0 or floor(min(free / (2 * gateways), ask.keep / 4))
  local needed = min(ask.need, free - free % ask.unit)
  local tokens = max(needed, min(free, needed + spare - spare % ask.unit))
  local cap = ask.keep + tokens
  local term = cap > 0 and 10 * second or 0
  if cap > 0 then others[#others + 1] = {gateway = gateway, rate = 0, cap = cap, ends = now + term, demand = 0} end
  local left = free - tokens
  local grant = {tokens = tokens, rate = 0, cap = cap, term = term, left = left}
  grant.scarce, grant.ends, grant.gateways, grant.home = left < ask.unit and 1 or 0, 0, gateways, ''
  grant.wanted, grant.at, grant.spare = 0, now, 0
  return {at = now, level = left, parts = others}, grant, 60000
end

local answers = {bucket = bucket, quota = quota, slots = slots}
local rows = {}
for index, key in ipairs(KEYS) do
  local at = 16 * index - 14
  gateway = ARGV[at - 1]
  local ask = {limit = tonumber(ARGV[at + 1]), window = ARGV[at + 2], burst = tonumber(ARGV[at + 3]), back = tonumber(ARGV[at + 4]),
    keep = tonumber(ARGV[at + 5]), need = tonumber(ARGV[at + 6]), unit = tonumber(ARGV[at + 7]), demand = tonumber(ARGV[at + 8]),
    exact = ARGV[at + 9] == '1', home = ARGV[at + 10] == '1',
    rate = tonumber(ARGV[at + 11]), cap = tonumber(ARGV[at + 12]), at = tonumber(ARGV[at + 13]), doubt = ARGV[at + 14] == '1'}
  local state, grant, idleMs = answers[ARGV[at]](read(key), ask)
  write(key, state, idleMs)
  local row = {}
  for place, name in ipairs({'tokens', 'rate', 'cap', 'term', 'left', 'scarce', 'ends', 'gateways', 'wanted', 'at', 'spare'}) do
    row[place] = string.format('%.0f', grant[name])
  end
  row[12] = grant.home
  rows[index] = row
end
return rows
`;
