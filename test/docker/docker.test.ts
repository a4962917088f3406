import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { CATALOGUE } from '../../config/catalogue.ts'

// What can be known of the images without an engine to run them: there is none in CI.

const ROOT = join(import.meta.dirname, '../..')
const dockerfile = readFileSync(join(ROOT, 'docker/Dockerfile'), 'utf8')
const compose = readFileSync(join(ROOT, 'docker/compose.yaml'), 'utf8')
const ignore = readFileSync(join(ROOT, '.dockerignore'), 'utf8')

interface Service {
  readonly image?: string
  readonly profiles?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  readonly ports?: readonly string[]
  readonly volumes?: readonly string[]
  readonly stop_grace_period?: string
}
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- What the compose specification says a file is; the tests look closer.
const file = parse(compose) as { services: Record<string, Service>; volumes: Record<string, unknown> }

/** The instructions of a Dockerfile, continued lines joined. */
function instructions(text: string): { name: string; rest: string }[] {
  return text
    .replaceAll('\\\n', ' ')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => ({ name: line.split(' ', 1)[0]!, rest: line.slice(line.indexOf(' ') + 1) }))
}

describe('the Dockerfile', () => {
  const steps = instructions(dockerfile)
  const lastStage = steps.slice(steps.findLastIndex(({ name }) => name === 'FROM'))

  it('builds in stages, from images with a version', () => {
    const bases = steps.filter(({ name }) => name === 'FROM').map(({ rest }) => rest.split(' ')[0]!)
    assert.ok(bases.length >= 2)
    for (const base of bases) assert.match(base, /:(?!latest)\S+$/)
  })

  it('runs as somebody without rights', () => {
    const user = lastStage.find(({ name }) => name === 'USER')?.rest
    assert.ok(user && user !== 'root' && user !== '0')
    const after = lastStage.slice(lastStage.findIndex(({ name }) => name === 'USER') + 1)
    assert.ok(!after.some(({ name }) => name === 'RUN' || name === 'COPY'), 'nothing is made after the rights are gone')
  })

  it('says how it is', () => {
    assert.ok(lastStage.some(({ name, rest }) => name === 'HEALTHCHECK' && rest.includes('docker/health-check.js')))
  })

  it('copies what exists and what .dockerignore lets through, and installs from the lock file', () => {
    const allowed = ignore
      .split('\n')
      .filter((line) => line.startsWith('!'))
      .map((line) => line.slice(1))
    for (const { name, rest } of steps) {
      if (name !== 'COPY' || rest.startsWith('--from')) continue
      for (const source of rest.split(' ').slice(0, -1)) {
        assert.ok(existsSync(join(ROOT, source)), `${source} exists`)
        assert.ok(allowed.includes(source), `${source} is let through`)
      }
    }
    assert.match(dockerfile, /npm ci --omit=dev/)
    assert.ok(!steps.some(({ name }) => name === 'ADD'))
  })

  it('copies every folder the program is made of', () => {
    for (const folder of ['model', 'config', 'routing', 'compliance', 'accounts', 'media', 'storage', 'api', 'gateway'])
      assert.ok(lastStage.some(({ name, rest }) => name === 'COPY' && rest === `${folder} ${folder}`))
  })
})

describe('compose.yaml', () => {
  it('brings the exchange, drachtio-server and PostgreSQL, and keeps the rest in profiles', () => {
    const always = Object.entries(file.services).filter(([, service]) => service.profiles === undefined)
    assert.deepEqual(
      always.map(([name]) => name),
      ['exchange', 'drachtio', 'postgres'],
    )
    const profiles = Object.values(file.services).flatMap((service) => service.profiles ?? [])
    assert.deepEqual(profiles, ['redis', 'kafka', 'freeswitch', 'rtpengine', 'coturn'])
  })

  it('names a version of every image', () => {
    for (const [name, { image }] of Object.entries(file.services)) assert.match(image ?? '', /:(?!latest)\S+$/, name)
  })

  it('sets only settings there are', () => {
    const known = new Set(Object.keys(CATALOGUE).map((key) => `DCE_${key.replaceAll('.', '_').toUpperCase()}`))
    known.add('DCE_PUBLIC_ADDRESS') // Its short name.
    for (const name of Object.keys(file.services['exchange']!.environment ?? {})) assert.ok(known.has(name), name)
  })

  it('has no secret in it, and does not start without them', () => {
    for (const service of Object.values(file.services))
      for (const [name, value] of Object.entries(service.environment ?? {}))
        if (/PASSWORD|SECRET/.test(name)) assert.match(value, /^\$\{[A-Z_]+:\?/, name)
  })

  it('publishes neither the control port nor the database', () => {
    const published = Object.values(file.services).flatMap((service) => service.ports ?? [])
    for (const port of published) assert.doesNotMatch(port, /9022|5432/)
    assert.ok(
      published.some((port) => port.startsWith('127.0.0.1:8080')),
      'the console is for this host',
    )
  })

  it('waits longer for a drain than the exchange does', () => {
    const grace = Number.parseInt(file.services['exchange']!.stop_grace_period ?? '0', 10)
    assert.ok(grace * 1000 > CATALOGUE['server.shutdown_timeout'].default)
  })

  it('uses only volumes it declares, and files that exist', () => {
    for (const service of Object.values(file.services))
      for (const volume of service.volumes ?? []) {
        const source = volume.split(':')[0]!
        if (source.startsWith('.')) assert.ok(existsSync(join(ROOT, 'docker', source)), source)
        else assert.ok(source in file.volumes, source)
      }
  })

  it('is understood by docker compose', function () {
    const command = ['docker-compose', 'docker'].find((name) => {
      const args = name === 'docker' ? ['compose', 'version'] : ['version', '--short']
      return spawnSync(name, args, { stdio: 'ignore' }).status === 0
    })
    if (command === undefined) this.skip() // Neither the plugin nor Debian's docker-compose is here.
    const args = [...(command === 'docker' ? ['compose'] : []), '-f', 'docker/compose.yaml', 'config', '--quiet']
    const names = [
      'DCE_PUBLIC_ADDRESS',
      'DRACHTIO_SECRET',
      'POSTGRES_PASSWORD',
      'TURN_SECRET',
      'DCE_ADMIN_EMAIL',
      'DCE_ADMIN_PASSWORD',
    ]
    const env = { ...process.env, ...Object.fromEntries(names.map((name) => [name, '192.0.2.1'])) }
    const { status, stderr } = spawnSync(command, args, { cwd: ROOT, env, encoding: 'utf8' })
    assert.equal(status, 0, stderr)
  })
})
