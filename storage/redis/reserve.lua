-- Takes a claim's places, calls, budgets and funds: all, or none. This is what a call waits for, so everything comes in few arguments, and
-- only what decides is looked up.
--
-- ARGV: 1 epoch, 2 id, 3 the claim as it is kept, its first six lines and 4 its counters, 5 numbers: {lease ms, state, whether it is judged
-- (else it is taken whatever there is), price, funds, credit (false: no funds are asked for), then of each counter most at once, of an hour, a
-- day, a month, in total, a day's and the total budget (-1: none)}. Where KEYS[3] is there: 6 ms, 7 member, 8 ms a contact is kept, 9-12 the rule.

local epoch, id = ARGV[1], ARGV[2]
local periods, numbers = cjson.decode(ARGV[4]), cjson.decode(ARGV[5])
local lease, state, is_judged, price, funds, credit = unpack(numbers, 1, 6)
local FIRST, WIDTH = 7, 7

local fields = { 'e', 'm', 'l:' .. id }
for i = 1, #periods, 4 do fields[#fields + 1] = 'c:' .. periods[i] end
local found = redis.call('HMGET', KEYS[1], unpack(fields))
if found[1] ~= epoch then return { 'unknown' } end

local ms = now_ms()
if found[3] then
  local known = unpack_claim(found[3])
  if known[1] == ORPHANED and state < SETTLED then
    change(known, 1, 0, 0, 0, 0)
    known[1] = ANSWERED
    keep(id, known)
  elseif known[1] == RESERVED and state == ANSWERED then
    known[1] = ANSWERED
    keep(id, known)
  end
  redis.call('ZADD', KEYS[2], ms + lease, id)
  return { 'ok', -1 }
end

-- What the dead have left is looked for by those alone who would be refused because of it.
local function refuse(code, nth)
  local expired = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', ms, 'LIMIT', 0, 1)
  if #expired > 0 then return { 'expired' } end
  return { code, nth }
end

local answer = { 'ok', -1 }
local set = {}
local left = math.huge
for n = 1, #fields - 3 do
  local counter = unpack_counter(found[n + 3])
  local at = n * 4 - 3
  local hour = find_period(counter, HOUR, CALLS, periods[at + 1], true)
  local day = find_period(counter, DAY, CALLS_AND_MICROS, periods[at + 2], true)
  local month = find_period(counter, MONTH, CALLS, periods[at + 3], true)
  local at_once, hourly, daily, monthly, total, daily_micros, total_micros = unpack(numbers, n * WIDTH, n * WIDTH + WIDTH - 1)
  local in_use, calls, micros = counter[1], counter[2], counter[3]
  if is_judged then
    if at_once >= 0 and in_use >= at_once then return refuse('concurrency', n) end
    if
      (total >= 0 and calls >= total)
      or (hourly >= 0 and hour and counter[hour + 1] >= hourly)
      or (daily >= 0 and day and counter[day + 1] >= daily)
      or (monthly >= 0 and month and counter[month + 1] >= monthly)
    then
      return refuse('cap', n)
    end
    if daily_micros >= 0 then left = math.min(left, daily_micros - (day and counter[day + 2] or 0)) end
    if total_micros >= 0 then left = math.min(left, total_micros - micros) end
  end
  counter[1], counter[2], counter[3] = in_use + 1, calls + 1, micros + price
  if hour then counter[hour + 1] = counter[hour + 1] + 1 end
  if day then counter[day + 1], counter[day + 2] = counter[day + 1] + 1, counter[day + 2] + price end
  if month then counter[month + 1] = counter[month + 1] + 1 end
  answer[n + 2] = at_once < 0 and -1 or at_once - in_use - 1
  set[n * 2 - 1], set[n * 2] = fields[n + 3], pack_counter(counter)
end
if is_judged and KEYS[3] and is_exhausted(9) then return refuse('frequency') end
if left < price then return refuse('budget') end
if credit and found[2] then
  local purse = unpack_money(found[2])
  if is_judged then
    answer[2] = purse[1] + credit - purse[2] - funds
    if answer[2] < 0 then return refuse('funds') end
  end
  purse[2] = purse[2] + funds
  set[#set + 1] = 'm'
  set[#set + 1] = pack_money(purse)
end
set[#set + 1] = fields[3]
set[#set + 1] = ARGV[3] .. ARGV[4]
redis.call('HSET', KEYS[1], unpack(set))
redis.call('ZADD', KEYS[2], ms + lease, id)
if KEYS[3] then add_contact(tonumber(ARGV[6]), ARGV[7], tonumber(ARGV[8])) end
return answer
