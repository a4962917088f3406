import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { createLogger } from '../../config/logger.ts'

/** A log whose lines a test can read. */
function listen(level = 'trace') {
  const lines: Record<string, unknown>[] = []
  const stream = { write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) }
  return { lines, log: createLogger({ level, stream }) }
}

const SDP = 'v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\n'

describe('the log', () => {
  it('writes one JSON object a line with its level, time and message', () => {
    const { lines, log } = listen()
    log.logger.info({ callId: 'c1', durationMs: 12 }, 'ready')
    assert.equal(lines[0]!['level'], 'info')
    assert.equal(lines[0]!['msg'], 'ready')
    assert.equal(lines[0]!['callId'], 'c1')
    assert.equal(lines[0]!['durationMs'], 12)
    assert.ok(!Number.isNaN(Date.parse(String(lines[0]!['time']))))
  })

  it('masks numbers and SDP above debug, in properties, texts and bindings alike', () => {
    const { lines, log } = listen()
    const child = log.logger.child({ ani: '+12125550123' })
    child.info(
      { dnis: '12125550199', leg: { sdp: SDP, uri: 'sip:+13105550100@host' }, list: ['+13105550101'] },
      'from +12125550123',
    )
    const text = JSON.stringify(lines[0])
    assert.doesNotMatch(text, /5550\d\d\d/)
    assert.doesNotMatch(text, /192\.0\.2\.1/)
    assert.match(text, /from \+1212\*\*\*\*\*23/)
    child.debug({ dnis: '12125550199', sdp: SDP }, 'to +12125550199')
    assert.match(JSON.stringify(lines[1]), /192\.0\.2\.1.*to \+12125550199/)
  })

  it('masks a number that a text has without a plus sign, and leaves other digits', () => {
    const { lines, log } = listen()
    log.logger.info({ reason: 'carrier says (2125550123) and 13105550199, not 2125550177.' }, 'no route to 3055550144')
    const other = 'id 019ab2c4-2125550123-aa x2125550123 at 1763812345, 1763812345678 µs, 212.5550123 %'
    log.logger.info({ reason: other }, '42')
    assert.doesNotMatch(JSON.stringify(lines[0]), /5550/)
    assert.equal(lines[1]!['reason'], other)
  })

  it('never writes a credential, at any level', () => {
    const { lines, log } = listen()
    const secrets = {
      password: 'hunter2',
      password_hash: 'hunter2',
      headers: { Authorization: 'Bearer hunter2', cookie: 'hunter2' },
      apiKey: 'hunter2',
      'refresh-token': 'hunter2',
      url: 'postgres://dce:hunter2@db/dce',
    }
    log.logger.trace(secrets, 'connecting to postgres://dce:hunter2@db/dce')
    log.logger.error(new Error('cannot reach postgres://dce:hunter2@db/dce'))
    log.logger.error({ err: new Error('x', { cause: new Error('postgres://dce:hunter2@db/dce') }) })
    assert.equal(lines.length, 3)
    assert.doesNotMatch(JSON.stringify(lines), /hunter2/)
  })

  it('says what an error was, with its code and cause', () => {
    const { lines, log } = listen()
    log.logger.error(Object.assign(new Error('boom', { cause: new RangeError('deep') }), { code: 'ECONNREFUSED' }))
    const err = lines[0]!['err'] as Record<string, unknown>
    assert.equal(lines[0]!['msg'], 'boom')
    assert.equal(err['code'], 'ECONNREFUSED')
    assert.match(String(err['stack']), /logger\.test/)
    assert.equal((err['cause'] as Record<string, unknown>)['type'], 'RangeError')
  })

  it('survives money, cycles, bytes and maps, and leaves what it logs alone', () => {
    const { lines, log } = listen()
    const ring: Record<string, unknown> = { password: 'kept' }
    ring['self'] = ring
    log.logger.info({ amount: 5n, ring, bytes: new Uint8Array(9), map: new Map([[1, 2]]), at: new Date(0), none: null })
    assert.equal(lines[0]!['amount'], '5')
    assert.equal(lines[0]!['bytes'], '[9 bytes]')
    assert.equal(lines[0]!['at'], '1970-01-01T00:00:00.000Z')
    assert.equal(ring['password'], 'kept')
  })

  it('keeps quiet below its level', () => {
    const { lines, log } = listen('warn')
    log.logger.info('no')
    log.logger.warn('yes')
    assert.equal(lines.length, 1)
  })

  const module = join(import.meta.dirname, '../../config/logger.ts')
  const run = (script: string) => ['--input-type=module', '-e', `import { createLogger } from '${module}'\n${script}`]

  it('loses nothing at an exit, and says "ready" at once when flushed', () => {
    const exits = run(`const log = createLogger({ level: 'info' }); log.logger.info('last'); process.exit(3)`)
    const { stdout, status } = spawnSync(process.execPath, exits, { encoding: 'utf8' })
    assert.equal(status, 3)
    assert.match(stdout, /"msg":"last"/)
    const kills = run(
      `const log = createLogger({ level: 'info' }); log.logger.info('ready'); log.flush(); process.kill(process.pid, 'SIGKILL')`,
    )
    assert.match(spawnSync(process.execPath, kills, { encoding: 'utf8' }).stdout, /"msg":"ready"/)
  })

  it('does not keep the process alive, and outlives a reader that has gone', () => {
    execFileSync(process.execPath, run(`createLogger({ level: 'info' })`), { timeout: 15_000 })
    const gone = `const log = createLogger({ level: 'info' }); for (let i = 0; i < 20000; i++) log.logger.info({ i }, 'a line'); log.flush(); process.stderr.write('alive')`
    const command = `"${process.execPath}" --input-type=module -e "$0" | head -1 >/dev/null`
    const script = `import { createLogger } from '${module}'\n${gone}`
    const { stderr } = spawnSync('/bin/sh', ['-c', command, script], { encoding: 'utf8', timeout: 15_000 })
    assert.match(stderr, /alive/)
  })
})
