import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CATALOGUE } from '../../config/catalogue.ts'
import { effectiveSettings, loadSettings, notAvailable } from '../../config/settings.ts'
import { SettingsError } from '../../config/settings-error.ts'
import { variableOf } from '../../config/setting-sources.ts'

/** The one line that refuses them. */
function refusal(load: () => unknown): string {
  try {
    load()
  } catch (error) {
    assert.ok(error instanceof SettingsError, String(error))
    assert.doesNotMatch(error.message, /\n/)
    return error.message
  }
  assert.fail('the settings were accepted')
}

describe('settings', () => {
  let folder = ''
  before(() => void (folder = mkdtempSync(join(tmpdir(), 'dce-settings-'))))
  after(() => rmSync(folder, { recursive: true }))

  const fileOf = (text: string) => {
    const path = join(folder, 'config.yaml')
    writeFileSync(path, text)
    return path
  }
  it('have the defaults of the contract', () => {
    const settings = loadSettings({ file: null })
    assert.equal(settings.server.host, '127.0.0.1')
    assert.equal(settings.server.port, 8080)
    assert.deepEqual(settings.telephony.host, ['0.0.0.0'])
    assert.equal(settings.telephony.sipPort, 5060)
    assert.deepEqual(settings.telephony.rtpPortRange, { first: 10_000, last: 20_000 })
    assert.equal(settings.telephony.controlPort, 9022)
    assert.equal(settings.telephony.maxCallDurationMs, 7_200_000)
    assert.equal(settings.database.url, null)
    assert.equal(settings.dataDir, './var')
    assert.deepEqual(settings.media.engine, ['relay'])
    assert.equal(settings.storage.spoolBytes, 64 * 1024 * 1024)
    assert.equal(settings.compliance.tcpa.callingHours.startMinute, 480)
    assert.equal(settings.compliance.tcpa.callingHours.endMinute, 1260)
    assert.deepEqual(notAvailable(settings), [])
  })

  it('know every variable of the contract', () => {
    const variables = `DCE_SERVER_HOST DCE_SERVER_PORT DCE_SERVER_GRPC_PORT DCE_TELEPHONY_HOST DCE_TELEPHONY_SIP_PORT
      DCE_TELEPHONY_TLS_PORT DCE_TELEPHONY_TLS_CERT DCE_TELEPHONY_TLS_KEY DCE_TELEPHONY_TLS_CA DCE_TELEPHONY_WS_PORT
      DCE_TELEPHONY_WSS_PORT DCE_TELEPHONY_RTP_PORT_RANGE DCE_TELEPHONY_CONTROL_PORT DCE_DATABASE_URL DCE_DATA_DIR
      DCE_REDIS_URL DCE_KAFKA_BROKERS DCE_DRACHTIO_HOST DCE_DRACHTIO_PORT DCE_DRACHTIO_SECRET DCE_MEDIA_ENGINE
      DCE_ADMIN_EMAIL DCE_ADMIN_PASSWORD DCE_PUBLIC_ADDRESS DCE_COMPLIANCE_TCPA_CALLING_HOURS_START
      DCE_FRAUD_VELOCITY_CHECKS_WINDOW`.split(/\s+/)
    for (const variable of variables) {
      const message = (() => {
        try {
          loadSettings({ file: null, env: { [variable]: 'relay' } })
          return ''
        } catch (error) {
          return (error as Error).message
        }
      })()
      assert.doesNotMatch(message, /no such setting/, variable)
    }
  })

  it('take the file over the defaults, the environment over the file, and flags over all', () => {
    const file = fileOf('server:\n  port: 1001\n  host: 10.0.0.1\ntelephony.sip_port: 1002\nlog_level: warn\n')
    const settings = loadSettings({
      file,
      env: { DCE_SERVER_PORT: '2001', DCE_TELEPHONY_SIP_PORT: '2002', HOME: '/root' },
      flags: { 'telephony.sip_port': 'off' },
      defaults: { 'server.port': 1, 'media.rtp_timeout': '5s' },
    })
    assert.equal(settings.logLevel, 'warn')
    assert.equal(settings.server.host, '10.0.0.1')
    assert.equal(settings.server.port, 2001)
    assert.equal(settings.telephony.sipPort, 'off')
    assert.equal(settings.media.rtpTimeoutMs, 5000)
    assert.equal(effectiveSettings(settings)['server.host'].source, file)
    assert.equal(effectiveSettings(settings)['media.rtp_timeout'].source, 'default')
  })

  it('read a file with empty sections, and one that is empty', () => {
    assert.equal(loadSettings({ file: fileOf('server:\n  # port: 1\ntelephony:\n') }).server.port, 8080)
    assert.equal(loadSettings({ file: fileOf('') }).server.port, 8080)
  })

  it('are frozen all the way down', () => {
    const settings = loadSettings({ file: null })
    assert.throws(() => Object.assign(settings.telephony, { sipPort: 1 }), TypeError)
    assert.throws(() => Object.assign(settings.telephony.rtpPortRange, { first: 1 }), TypeError)
  })

  it('stop at an unknown key with the nearest name', () => {
    assert.match(
      refusal(() => loadSettings({ file: fileOf('server:\n  prot: 1') })),
      /^server\.prot: no such setting .*mean server\.port\?/,
    )
    assert.match(
      refusal(() => loadSettings({ file: null, env: { DCE_SEVER_PORT: '1' } })),
      /DCE_SEVER_PORT.*DCE_SERVER_PORT\?/,
    )
    assert.match(
      refusal(() => loadSettings({ file: null, flags: { 'x.y.z.w': '1' } })),
      /x\.y\.z\.w: no such setting/,
    )
    assert.match(
      refusal(() => loadSettings({ file: null, env: { DCE_: 'x' } })),
      /no such setting/,
    )
  })

  it('stop at a bad value with the key, the value and what is allowed', () => {
    const message = refusal(() => loadSettings({ file: null, env: { DCE_SERVER_PORT: '65536' } }))
    assert.equal(
      message,
      'server.port: "65536" is not allowed (DCE_SERVER_PORT); allowed is a port from 1 to 65535, or 0 for a free one',
    )
    const bad: [string, string[]][] = [
      ['server.port', ['-1', '1.5', 'off', 'http', '0x50', '1e3', ' ', '99999999999999999999']],
      ['telephony.sip_port', ['on', '-1', '65536']],
      ['telephony.dns_servers', ['dns.example', '192.0.2.53:0', '[192.0.2.53]:53', '192.0.2.53, x', '2001:db8::53:x']],
      [
        'media.rtpengine.addresses',
        ['', 'host:1', '127.0.0.1', '127.0.0.1:0', '127.0.0.1:1*x', '::1:9', '127.0.0.1:1, 127.0.0.1:1*2'],
      ],
      ['telephony.host', ['localhost', '', '0.0.0.0, x']],
      ['telephony.rtp_port_range', ['10000', '20000-10000', '10001-20000', '80-90', '10000-70000', '10000-10001', '-']],
      ['telephony.max_call_duration', ['2', '2 h', '-2h', '2w', '25h', '0s', 'h', '']].map((x) => x) as [
        string,
        string[],
      ],
      ['storage.spool_bytes', ['1', '64XB', '-1MB', '9999GB', 'MB', '1e9']],
      ['compliance.tcpa.calling_hours.start', ['8', '8:00', '24:01', '08:60', '08.00', '21:30']],
      ['compliance.unknown_location', ['maybe', 'Block']],
      ['compliance.tcpa.enabled', ['yes', '1', 'falsch']],
      ['media.engine', ['asterisk', 'relay,asterisk', 'relay, relay', '']],
      ['fraud.risk_thresholds.high', ['1.1', '-0.1', 'NaN', 'Infinity', '1e-1']],
      ['data_dir', ['a\nb', 'a\u0000b']],
      ['webrtc.stun', ['stun.example.com', 'http://stun.example.com', 'turn:a?transport=sctp']],
      ['webrtc.turn_urls', ['turn:turn.example.com; stun:x']],
      ['webrtc.sip_url', ['https://calls.example', 'wss://', 'wss://calls.example; script-src *']],
      ['log_level', ['loud']],
    ]
    for (const [key, values] of bad) {
      for (const value of values) {
        const text = refusal(() => loadSettings({ file: null, flags: { [key]: value } }))
        assert.ok(text.includes('is not allowed') && text.includes('allowed is '), `${key}=${value}: ${text}`)
      }
    }
  })

  it('never print a secret, neither refused nor in force', () => {
    const message = refusal(() => loadSettings({ file: null, env: { DCE_ADMIN_PASSWORD: 'hunter2\u0001' } }))
    assert.doesNotMatch(message, /hunter2/)
    const env = {
      DCE_ADMIN_PASSWORD: 'hunter2',
      DCE_DRACHTIO_SECRET: 'hunter2',
      DCE_DATABASE_URL: 'postgres://dce:hunter2@db:5432/dce?sslpassword=hunter2&sslmode=require',
      DCE_REDIS_URL: 'hunter2@nowhere',
    }
    const shown = JSON.stringify(effectiveSettings(loadSettings({ file: null, env })))
    assert.doesNotMatch(shown, /hunter2/)
    assert.match(shown, /postgres:\/\/dce:\*\*\*@db:5432\/dce/)
  })

  it('report what somebody set that is not built yet, and nothing else', () => {
    const env = {
      DCE_REDIS_URL: 'redis://localhost',
      DCE_KAFKA_BROKERS: 'a:9092, b:9092',
      DCE_SERVER_GRPC_PORT: '9090',
      DCE_TELEPHONY_TLS_PORT: 'off',
      DCE_SERVER_PORT: '0',
    }
    const settings = loadSettings({ file: null, env })
    assert.deepEqual(notAvailable(settings).toSorted(), ['server.grpc.port'])
    assert.deepEqual(settings.kafka.brokers, ['a:9092', 'b:9092'])
    assert.deepEqual(notAvailable(loadSettings({ file: null, env: { DCE_MEDIA_ENGINE: 'relay' } })), [])
  })

  it('take the other names of a setting, but not two names at once', () => {
    assert.equal(loadSettings({ file: fileOf('compliance:\n  tcpa_enabled: false') }).compliance.tcpa.enabled, false)
    assert.deepEqual(
      loadSettings({ file: null, env: { DCE_PUBLIC_ADDRESS: '192.0.2.1, 2001:db8::1' } }).telephony.publicAddress,
      ['192.0.2.1', '2001:db8::1'],
    )
    const both = fileOf('compliance:\n  tcpa_enabled: false\n  tcpa:\n    enabled: true')
    assert.match(
      refusal(() => loadSettings({ file: both })),
      /compliance\.tcpa\.enabled: set twice/,
    )
  })

  it('take an empty variable for an unset one, and leave the test suite its own', () => {
    const env = { DCE_SERVER_PORT: '', DCE_TEST_SEED: '1', dce_server_port: 'x', DCE: 'x' }
    assert.equal(loadSettings({ file: null, env }).server.port, 8080)
  })

  it('read off, as YAML and people write it', () => {
    for (const word of ['off', '"off"', 'false']) {
      assert.equal(loadSettings({ file: fileOf(`telephony:\n  sip_port: ${word}`) }).telephony.sipPort, 'off')
    }
  })

  it('answer an unreadable, broken or foreign file with one line', () => {
    assert.match(
      refusal(() => loadSettings({ file: join(folder, 'none.yaml') })),
      /cannot be read \(ENOENT\)/,
    )
    assert.match(
      refusal(() => loadSettings({ file: folder })),
      /cannot be read \(EISDIR\)/,
    )
    assert.match(
      refusal(() => loadSettings({ file: fileOf('server: [') })),
      /not valid YAML/,
    )
    assert.match(
      refusal(() => loadSettings({ file: fileOf('server: {port: 1}\nserver: {port: 2}') })),
      /not valid YAML/,
    )
    assert.match(
      refusal(() => loadSettings({ file: fileOf('just words') })),
      /holds no settings/,
    )
    assert.match(
      refusal(() => loadSettings({ file: fileOf('- a\n- b') })),
      /holds no settings/,
    )
    assert.match(
      refusal(() => loadSettings({ file: fileOf('#'.repeat(2 ** 20 + 1)) })),
      /at most 1048576 bytes/,
    )
    assert.match(
      refusal(() => loadSettings({ file: fileOf('server: 5') })),
      /^server: no such setting/,
    )
    assert.match(
      refusal(() => loadSettings({ file: fileOf('server:\n  port:\n    a: 1') })),
      /^server\.port\.a: no such setting/,
    )
    assert.match(
      refusal(() => loadSettings({ file: fileOf('server:\n  port: [1]') })),
      /^server\.port: \[1\] is not allowed/,
    )
    const bomb =
      'a: &a [x,x,x,x,x,x,x,x,x]\n' +
      'b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c,*c]'
    refusal(() => loadSettings({ file: fileOf(bomb) }))
    if (process.getuid?.() !== 0) {
      const path = fileOf('server: {}')
      chmodSync(path, 0)
      assert.match(
        refusal(() => loadSettings({ file: path })),
        /EACCES/,
      )
    }
  })

  it('give every setting a description, a default that is allowed, and a variable of its own', () => {
    const variables = new Map<string, string>()
    for (const [key, setting] of Object.entries(CATALOGUE)) {
      assert.ok(setting.description.length > 4, key)
      const { kind } = setting as { kind: { read(raw: unknown): unknown; write?(value: unknown): unknown } }
      if (setting.default !== null) {
        const written = kind.write ? kind.write(setting.default) : setting.default
        assert.deepEqual(kind.read(written), setting.default, key)
        assert.deepEqual(kind.read(String(written)), setting.default, key)
      }
      const aliases = 'aliases' in setting ? setting.aliases : []
      for (const name of [key, ...aliases]) {
        const other = variables.get(variableOf(name))
        assert.ok(other === undefined || other === key, `${name} and ${String(other)} share a variable`)
        variables.set(variableOf(name), key)
      }
    }
  })
})
