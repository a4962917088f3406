import assert from 'node:assert/strict'
import { FrameReader, readFrame, timeToken, writeFrame } from '../../../gateway/sip-server/control-codec.ts'
import { eventually, RawApplication, TestServer } from '../../support/sip-server.ts'

function readAll(chunks: Buffer[], maxBytes = 1000): string[] {
  const reader = new FrameReader(maxBytes)
  const payloads: string[] = []
  for (const chunk of chunks) reader.push(chunk, (payload) => payloads.push(payload) > 0)
  return payloads
}

describe('control frames', () => {
  it('are found however the stream is cut', () => {
    const payloads = ['a|ping', 'b|sip||\r\nINVITE sip:x SIP/2.0\r\n\r\n12#3', 'c|route|invite']
    const bytes = Buffer.from(payloads.map((each) => writeFrame(each)).join(''), 'latin1')
    for (let size = 1; size <= bytes.length; size++) {
      const chunks: Buffer[] = []
      for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size))
      assert.deepEqual(readAll(chunks), payloads, `in chunks of ${size}`)
    }
  })

  it('count bytes, not characters', () => {
    const payload = 'm|sip||\r\nMESSAGE sip:x SIP/2.0\r\n\r\n📞 grüezi'
    const [read] = readAll([Buffer.from(`${Buffer.byteLength(payload)}#${payload}`)])
    assert.equal(Buffer.from(read!, 'latin1').toString('utf8'), payload)
  })

  for (const bad of [
    '#x',
    'abc#x',
    '-5#x',
    '0#',
    '12345678901',
    '123456789#',
    ' 5#hello',
    '1001#',
    '5.0#hello',
    '+5#hello',
  ]) {
    it(`refuse ${JSON.stringify(bad)}`, () => {
      assert.throws(() => readAll([Buffer.from(bad)]), { name: 'FrameError' })
    })
  }

  it('come apart at the first CR', () => {
    assert.deepEqual(readFrame('id|sip|t|d|sip:x\r\nINVITE a|b'), {
      tokens: ['id', 'sip', 't', 'd', 'sip:x'],
      text: 'INVITE a|b',
    })
    assert.deepEqual(readFrame('id|ping'), { tokens: ['id', 'ping'], text: '' })
  })

  it('carry the time of day in UTC, with microseconds', () => {
    assert.equal(timeToken(Date.UTC(2026, 10, 21, 1, 2, 3, 45)), '01:02:03.045000')
  })
})

describe('the control port', () => {
  let server: TestServer
  beforeEach(async () => {
    server = await TestServer.start({ limits: { authenticateMs: 150, maxApplications: 3, maxFrameBytes: 20_000 } })
  })
  afterEach(() => server.close())

  const stranger = (): Promise<RawApplication> => RawApplication.connect(server.handle.controlPort)

  it('greets with its addresses and a version drachtio-srf can read', async () => {
    const app = await stranger()
    const [ok, hostports, version, local] = await app.ask('authenticate|cymru|tag1,tag2')
    assert.equal(ok, 'OK')
    assert.equal(hostports, `udp/127.0.0.1:${server.port('udp')},tcp/127.0.0.1:${server.port('tcp')}`)
    assert.match(version!, /^v\d+\.\d+\.\d+/)
    assert.equal(local, hostports)
    assert.deepEqual(await app.ask('ping'), ['OK', 'pong'])
    app.close()
  })

  it('accepts an authenticate without tags, and refuses a wrong secret', async () => {
    const app = await stranger()
    assert.equal((await app.ask('authenticate|cymru'))[0], 'OK')
    app.close()
    const impostor = await stranger()
    assert.deepEqual(await impostor.ask('authenticate|wrong|'), ['NO', 'incorrect secret'])
    await impostor.closed()
  })

  it('refuses everything before authenticate, and closes', async () => {
    for (const frame of [
      'ping',
      'route|invite',
      'sip||\r\nOPTIONS sip:x@127.0.0.1:9 SIP/2.0\r\n\r\n',
      'remove_route|invite',
    ]) {
      const app = await stranger()
      assert.equal((await app.ask(frame))[0], 'NO', frame)
      await app.closed()
    }
    assert.deepEqual((await server.handle.stats()).routes, [])
  })

  it('closes on a stranger that says nothing, on a frame too large and on an unknown type', async () => {
    await (await stranger()).closed()
    const large = await server.application()
    large.socket.write('20001#')
    await large.closed()
    const odd = await server.application()
    assert.deepEqual(await odd.ask('dance'), ['NO', 'Unknown message type'])
    await odd.closed()
    const short = await server.application()
    short.socket.write('1#x')
    await short.closed()
    const anonymous = await server.application()
    assert.deepEqual(await anonymous.ask('sip||\r\nSIP/2.0 200 OK\r\n\r\n'), ['NO', 'transaction id missing'])
    await anonymous.closed()
  })

  it('takes frames of several kilobytes, which once made a server go deaf', async () => {
    const app = await server.application()
    const peer = await server.peer()
    const body = 'x'.repeat(15_000)
    await app.ask(`sip||\r\nMESSAGE sip:x@127.0.0.1:${peer.port} SIP/2.0\r\nContent-Type: text/plain\r\n\r\n${body}`)
    assert.equal((await peer.receive('MESSAGE')).body, body)
    assert.deepEqual(await app.ask('ping'), ['OK', 'pong'])
  })

  it('has room for so many applications, and no more', async () => {
    for (let i = 0; i < 3; i++) await server.application()
    await (await stranger()).closed()
    assert.equal((await server.handle.stats()).applications, 3)
  })

  it('routes in turn, however often an application asked, and not to one that asked no more', async () => {
    const [one, two] = [
      await server.application('options', 'OPTIONS', 'options', 'message'),
      await server.application('options'),
    ]
    const peer = await server.peer()
    const shownTo = async (): Promise<number> => {
      peer.request('OPTIONS')
      await eventually(() => one.frames.length + two.frames.length === 1)
      return one.frames.splice(0).length > 0 ? 1 : (two.frames.splice(0), 2)
    }
    assert.deepEqual([await shownTo(), await shownTo(), await shownTo(), await shownTo()], [1, 2, 1, 2])
    await one.ask('remove_route|options')
    assert.deepEqual([await shownTo(), await shownTo()], [2, 2])
    // Only that one route was removed.
    assert.deepEqual((await server.handle.stats()).routes.toSorted(), ['message', 'options'])
  })

  it('gives up an application that does not read', async () => {
    const small = await TestServer.start({ limits: { maxApplicationQueueBytes: 200_000 } })
    const app = await small.application('message')
    const deaf = app.socket.pause()
    const peer = await small.peer()
    const body = 'x'.repeat(50_000)
    await eventually(async () => {
      // The kernel takes some megabytes before anything waits with us.
      for (let i = 0; i < 10; i++) peer.request('MESSAGE', { body })
      return (await small.handle.stats()).applications === 0
    })
    assert.equal(deaf.isPaused(), true)
    // What it had not answered is answered for it.
    await peer.receive(503)
    await small.close()
  })

  it('shares by weight, when a tag says one', async () => {
    const [heavy, light] = [
      await server.taggedApplication('weight=3,blue', 'options'),
      await server.taggedApplication('red', 'options'),
    ]
    const peer = await server.peer()
    for (let i = 0; i < 8; i++) peer.request('OPTIONS')
    await eventually(() => heavy.frames.length + light.frames.length === 8)
    assert.deepEqual([heavy.frames.length, light.frames.length], [6, 2])
  })

  it('refuses tags that are no tags, and closes', async () => {
    const tooMany = Array.from({ length: 21 }, (_, i) => `t${i}`).join(',')
    for (const tags of ['weight=0', 'weight=101', 'weight=x', 'x'.repeat(33), tooMany]) {
      const app = await stranger()
      assert.deepEqual(await app.ask(`authenticate|cymru|${tags}`), ['NO', 'invalid tags'], tags)
      await app.closed()
    }
  })

  it('lets an application ask for so many methods, and no more', async () => {
    const app = await server.application(...Array.from({ length: 64 }, (_, i) => `method${i}`))
    assert.deepEqual(await app.ask('route|method64'), ['NOK', 'too many routes'])
    assert.deepEqual(await app.ask('route|method1'), ['OK'])
  })

  it('keeps a dialog with the application that has it, whatever the routes', async () => {
    const owner = await server.application('invite')
    const peer = await server.peer()
    peer.request('INVITE')
    const { tokens } = await owner.shown('INVITE')
    const other = await server.application('invite', 'info')
    assert.equal((await other.ask(`sip|${tokens[8]}|\r\nSIP/2.0 200 OK\r\n\r\n`))[0], 'NOK')
    await owner.ask(`sip|${tokens[8]}|\r\nSIP/2.0 200 OK\r\n\r\n`)
    const ok = await peer.receive(200)
    peer.requestAsCaller('ACK', ok)
    await owner.shown('ACK')
    peer.requestAsCaller('INFO', ok)
    await owner.shown('INFO')
    assert.equal(other.frames.length, 0)
  })
})
