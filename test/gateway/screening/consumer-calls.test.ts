import assert from 'node:assert/strict'
import { ConsumerCalls, type ConsumerCallNews } from '../../../gateway/screening/consumer-calls.ts'
import type { Screened } from '../../../gateway/screening/screening.ts'
import { newId, type CallId } from '../../../model/ids.ts'
import { CallStream } from '../../../storage/redis/call-stream.ts'
import { compliance, numberIn } from '../../compliance/support.ts'
import { anOffer, NOON_MS } from '../../support/compliance-rules.ts'
import { aNumber } from '../../support/market.ts'
import { RedisServer } from '../../support/redis.ts'
import { anArrival, aScreening } from '../../support/screening.ts'
import { silentLog } from '../../support/storage.ts'
import { until } from '../../support/until.ts'

const TRANSFERS = aNumber({ trafficType: 'transfer' })

describe('consumers’ calls, counted by several gateways', function () {
  this.timeout(60_000)
  let redis: RedisServer
  const streams: CallStream[] = []
  beforeEach(async () => {
    redis = await RedisServer.start()
  })
  afterEach(async () => {
    for (const stream of streams.splice(0)) stream.close()
    await redis.kill()
  })

  const request = (minute: number) =>
    anOffer({ ani: numberIn('FL'), trafficType: 'transfer', atMs: NOON_MS + minute * 60_000 })

  async function* known(calls: readonly ConsumerCallNews[]): AsyncGenerator<ConsumerCallNews> {
    yield* calls
  }

  async function gateway(inDatabase: readonly ConsumerCallNews[] = []) {
    const law = compliance()
    const limits = {
      onLost: () => {},
      connectTimeoutMs: 5_000,
      deadlineMs: 5_000,
      lookBackMs: 60_000,
      now: Date.now,
      log: silentLog,
    }
    const stream = new CallStream({ ...limits, url: redis.url })
    streams.push(stream)
    const calls = new ConsumerCalls(law, stream, { now: () => NOON_MS })
    calls.open({ latestCalls: () => known(inDatabase) })
    await calls.start()
    const screening = aScreening(law, { judges: [calls.judge!] })
    return {
      call(minute: number): ConsumerCallNews {
        const callId = newId<CallId>()
        const screened = screening.screen(
          anArrival({ callId, ani: numberIn('FL'), number: TRANSFERS, atMs: request(minute).atMs }),
          null,
        )
        return { id: callId, request: (screened as Screened).request }
      },
      refusal: (minute: number) => law.screen(request(minute)).rule,
      stream,
    }
  }

  it('count against the law’s limit wherever they were made', async () => {
    const [a, b] = [await gateway(), await gateway()]
    a.call(0)
    a.call(1)
    b.call(2)
    await until(() => a.refusal(3) !== null && b.refusal(3) !== null)
    assert.equal(a.refusal(3), 'call-frequency:FL')
    assert.equal(b.refusal(3), 'call-frequency:FL')
  })

  it('are known to a gateway that starts later, and each once: from the database, or while they go on', async () => {
    const a = await gateway()
    const [first] = [a.call(0), a.call(1)]
    await until(() => a.stream.untold === 0)
    const late = await gateway([first])
    assert.equal(late.refusal(2), null)
    late.call(3)
    assert.equal(late.refusal(4), 'call-frequency:FL')
  })
})
