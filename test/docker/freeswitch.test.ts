import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { CATALOGUE } from '../../config/catalogue.ts'
import { EVENT_SOCKET_PORT, FREESWITCH_DEFAULTS } from '../../media/freeswitch/freeswitch-options.ts'
import { all, parseXml, type Element } from './xml.ts'

// FreeSWITCH itself is not here to read them: what can be known without it.

const ROOT = join(import.meta.dirname, '../../docker/freeswitch')
const read = (name: string): Element => parseXml(readFileSync(join(ROOT, name), 'utf8'))
const files = globSync('**/*.xml', { cwd: ROOT })

/** What vars.xml sets. */
const variables = new Map(
  all(read('vars.xml'), 'X-PRE-PROCESS').map(({ attributes }) => attributes['data']!.split('=', 2) as [string, string]),
)

/** The parameters of a file, its variables put in. */
function params(name: string): Map<string, string> {
  const value = (text: string): string =>
    text.replace(/\$\$\{(\w+)\}/g, (_, key: string) => variables.get(key) ?? assert.fail(`${key} is not in vars.xml`))
  return new Map(all(read(name), 'param').map(({ attributes }) => [attributes['name']!, value(attributes['value']!)]))
}

describe('The configuration of FreeSWITCH', () => {
  it('is well-formed XML in every file, and names only variables there are', () => {
    assert.ok(files.length >= 9)
    for (const name of files) {
      read(name)
      params(name)
    }
  })

  it('has no text that is not XML called so', () => {
    for (const bad of ['<a>', '<a></b>', '<a b="1" b="2"/>', '<a/><b/>', '<a>text</a>', '<a b=1/>', '<a b="<"/>'])
      assert.throws(() => parseXml(bad), Error, bad)
  })

  it('reads every folder there is', () => {
    const included = ['freeswitch.xml', 'autoload_configs/sofia.conf.xml'].flatMap((name) =>
      all(read(name), 'X-PRE-PROCESS').map(({ attributes }) => attributes['data']!.replace('../', '')),
    )
    for (const name of files.filter((each) => each.includes('/')))
      assert.ok(included.includes(name.replace(/[^/]+\.xml$/, '*.xml')), name)
    assert.ok(included.includes('vars.xml'))
  })

  it('has the event socket and the profile where the engine looks for them', () => {
    const socket = params('autoload_configs/event_socket.conf.xml')
    assert.equal(socket.get('listen-port'), String(EVENT_SOCKET_PORT))
    assert.deepEqual(CATALOGUE['media.freeswitch.servers'].default, [`${socket.get('listen-ip')}:${EVENT_SOCKET_PORT}`])
    const profile = all({ name: '', attributes: {}, children: [read('sip_profiles/drachtio_mrf.xml')] }, 'profile')[0]!
    assert.equal(profile.attributes['name'], FREESWITCH_DEFAULTS.profile)
    assert.equal(profile.attributes['name'], CATALOGUE['media.freeswitch.profile'].default)
    assert.equal(CATALOGUE['media.freeswitch.prompts_dir'].default, FREESWITCH_DEFAULTS.promptsDir)
    assert.equal(CATALOGUE['media.freeswitch.recordings_dir'].default, FREESWITCH_DEFAULTS.recordingsDir)
    const sip = params('sip_profiles/drachtio_mrf.xml')
    assert.equal(sip.get('sip-port'), '5081')
    assert.equal(sip.get('enable-3pcc'), 'proxy')
    assert.equal(variables.get('rtp_secure_media_inbound'), 'forbidden')
  })

  it('sends the profile’s calls to the dialplan that connects back to fsmrf, and no other', () => {
    const context = read('dialplan/mrf.xml')
    assert.equal(context.attributes['name'], params('sip_profiles/drachtio_mrf.xml').get('context'))
    const [condition] = all(context, 'condition')
    assert.match('drachtio-fsmrf:some-id', new RegExp(condition!.attributes['expression']!))
    assert.deepEqual(
      condition!.children.map(({ attributes }) => [attributes['application'], attributes['data']]),
      [
        ['answer', undefined],
        ['set', 'park_after_bridge=true'],
        ['set', 'hangup_after_bridge=false'],
        ['set', 'playback_terminators=none'],
        ['socket', '${sip_h_X-esl-outbound} async full'],
      ],
    )
    const actions = all(context, 'action').map(({ attributes }) => attributes['application'])
    assert.ok(!actions.some((each) => each === 'bridge' || each === 'transfer'), 'nobody is called from here')
  })

  it('lets only the acl in, at both doors, and has room for the calls of one server', () => {
    const lists = all(read('autoload_configs/acl.conf.xml'), 'list').map(({ attributes }) => attributes)
    assert.deepEqual(lists, [{ name: 'mrf', default: 'deny' }])
    for (const name of ['autoload_configs/event_socket.conf.xml', 'sip_profiles/drachtio_mrf.xml'])
      assert.equal(params(name).get('apply-inbound-acl'), 'mrf')
    const core = params('autoload_configs/switch.conf.xml')
    const calls = CATALOGUE['media.freeswitch.max_sessions'].default
    assert.ok(Number(core.get('max-sessions')) >= 2 * calls)
    assert.ok(Number(core.get('rtp-end-port')) - Number(core.get('rtp-start-port')) >= 2 * 2 * calls)
  })

  it('loads what the engine uses', () => {
    const modules = all(read('autoload_configs/modules.conf.xml'), 'load').map(({ attributes }) => attributes['module'])
    for (const name of [
      'sofia',
      'event_socket',
      'commands',
      'dptools',
      'conference',
      'sndfile',
      'tone_stream',
      'dialplan_xml',
      'hash',
    ])
      assert.ok(modules.includes(`mod_${name}`), name)
  })

  it('is what the image copies, and its start sets variables there are', () => {
    const dockerfile = readFileSync(join(ROOT, 'Dockerfile'), 'utf8')
    for (const [, sources] of dockerfile.matchAll(/^COPY (?:--\S+ )?(.+) \S+$/gm))
      for (const source of sources!.split(' ')) assert.ok(existsSync(join(ROOT, source)), source)
    for (const [, name] of readFileSync(join(ROOT, 'start.sh'), 'utf8').matchAll(/^put (\w+)/gm))
      assert.ok(variables.has(name!), name)
  })
})
