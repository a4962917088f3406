import assert from 'node:assert/strict'
import { loadSettings } from '../../../config/settings.ts'
import { examineRedis } from '../../../gateway/commands/doctor-redis.ts'
import { findFreePort } from '../../../sipp/free-port.ts'
import { RedisServer } from '../../support/redis.ts'

describe('dce doctor, of Redis', () => {
  const examine = (url?: string) =>
    examineRedis(loadSettings({ file: null, env: url === undefined ? {} : { DCE_REDIS_URL: url } }))

  it('says which counters are used, and whether Redis is there', async () => {
    assert.deepEqual(await examine(), {
      ok: true,
      text: 'redis.url is not set: this process counts places, caps and funds alone',
    })
    const redis = await RedisServer.start()
    assert.equal((await examine(redis.url)).ok, true)
    await redis.kill()
    const { ok, text } = await examine(`redis://user:secret@127.0.0.1:${await findFreePort('127.0.0.1')}/1`)
    assert.equal(ok, false)
    assert.match(text, /ECONNREFUSED/)
    assert.doesNotMatch(text, /secret/)
  })
})
