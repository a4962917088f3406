// `npm test`: everything, from a fresh clone. Plain JavaScript for Node 20: it runs before the project's own Node is there.
// Its last line is always `N passed, N failed`, followed by `, N skipped` when something was.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const OLDEST_NODE = [20, 19]
const OWN_NODE = join(ROOT, 'node_modules/node/bin/node')

/** Programs no npm package brings: what they are for, and where Debian keeps them. */
const PROGRAMS = [
  { program: 'sipp', debianPackage: 'sip-tester', for: 'the stories of test/calls and the load tool' },
  { program: 'tshark', debianPackage: 'tshark', for: 'capture files, read by somebody else' },
  { program: 'baresip', debianPackage: 'baresip-core', for: 'a softphone as agent and carrier' },
  { program: 'linphonec', debianPackage: 'linphone-cli', for: 'another softphone, of another SIP stack' },
  { program: 'sipsak', debianPackage: 'sipsak', for: 'a client that asks, registers, breaks its requests and floods' },
  { program: 'svmap', debianPackage: 'sipvicious', for: 'scanners that are to find nothing and be banned' },
  {
    program: 'kamailio',
    debianPackage: 'kamailio-tls-modules',
    for: 'a proxy in between that stays in the dialog',
  },
  { program: 'turnserver', debianPackage: 'coturn', for: 'a TURN server that checks the credentials we hand out' },
  { program: 'nft', debianPackage: 'nftables', for: 'a network of its own that loses packets' },
  { program: 'tc', debianPackage: 'iproute2', for: 'a network of its own that loses packets and delays them' },
  { program: 'rtpengine', debianPackage: 'rtpengine-daemon', for: 'the media engine rtpengine' },
  { program: 'redis-server', debianPackage: 'redis-server', for: 'counters that several gateways share' },
  { program: 'chromium', debianPackage: 'chromium', for: 'the console, and JsSIP, in a browser' },
]

/** No package of Debian's: .ci/mediasoup-worker builds one, and prints what MEDIASOUP_WORKER_BIN is to be. */
const MEDIASOUP_WORKER = process.env.MEDIASOUP_WORKER_BIN || 'mediasoup-worker'

/** From Maven Central: .ci/kafka-broker fetches a broker's jars, and prints what KAFKA_LIBS is to be. */
const KAFKA_LIBS = process.env.KAFKA_LIBS || ''

/** From npm: .ci/oldest-postgres fetches it, and prints what OLDEST_POSTGRES is to be. */
const OLDEST_POSTGRES = process.env.OLDEST_POSTGRES || ''

const say = (line) => process.stdout.write(`${line}\n`)
const run = (command, args, options = {}) => spawnSync(command, args, { cwd: ROOT, stdio: 'inherit', ...options })
const isInstalled = (program) => spawnSync('sh', ['-c', `command -v ${program}`], { stdio: 'ignore' }).status === 0
const underCi = /^(1|true|yes)$/i.test(process.env.CI ?? '')

process.exitCode = main()

function main() {
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major < OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor < OLDEST_NODE[1])) {
    return end(
      0,
      1,
      0,
      `The tests need Node ${OLDEST_NODE.join('.')} or newer to begin with; this is ${process.version}.`,
    )
  }
  if (!existsSync(OWN_NODE)) {
    say('Installing the npm packages (npm ci) …')
    if (run('npm', ['ci', '--no-audit', '--no-fund']).status !== 0 || !existsSync(OWN_NODE)) {
      return end(0, 1, 0, 'npm ci failed, or was told not to run scripts: the project’s own Node is missing.')
    }
  }
  installPrograms(PROGRAMS.filter(({ program }) => !isInstalled(program)))
  const missing = PROGRAMS.filter(({ program }) => !isInstalled(program))

  if (!isInstalled(MEDIASOUP_WORKER)) {
    const where = 'MEDIASOUP_WORKER_BIN names none; .ci/mediasoup-worker builds one'
    missing.push({ program: 'a mediasoup worker', where, for: 'the media engine mediasoup' })
  }

  if (!isInstalled('java') || !existsSync(KAFKA_LIBS)) {
    const where = 'Java 17, and KAFKA_LIBS: .ci/kafka-broker fetches its jars'
    missing.push({ program: 'a Kafka broker', where, for: 'events in Kafka' })
  }

  if (!existsSync(OLDEST_POSTGRES)) {
    const where = 'OLDEST_POSTGRES: .ci/oldest-postgres fetches it'
    missing.push({ program: 'PostgreSQL 15', where, for: 'the oldest database that is promised' })
  }

  const asked = process.argv.slice(2)
  const counts = runLanes(asked)
  if (!counts) return end(0, 1, 0, 'mocha ended before it had counted its tests.')
  for (const { program, debianPackage, where = `Debian: ${debianPackage}`, for: purpose } of missing) {
    say(`${underCi ? 'failed' : 'skipped'}: ${program} is not installed (${where}), so not run: ${purpose}`)
  }
  for (const { title, message } of counts.retried) say(`passed at one of two attempts: ${title}: ${message}`)
  for (const line of counts.closing) say(line)
  // What a missing program hides must not look green where the whole suite is expected to run.
  const failures = counts.failures + (underCi ? missing.length : 0)
  return end(counts.passes, failures, counts.pending, counts.passes === 0 ? 'Nothing passed: was anything run?' : '')
}

/** On Debian as root the missing programs are installed; anywhere else their tests are skipped and say why. */
function installPrograms(missing) {
  if (missing.length === 0) return
  const packages = missing.map(({ debianPackage }) => debianPackage)
  if (process.getuid?.() !== 0 || !existsSync('/etc/debian_version') || !isInstalled('apt-get')) {
    say(`Not installed here: ${packages.join(', ')}. As root on Debian, npm test installs them.`)
    return
  }
  say(`Installing ${packages.join(', ')} (apt-get) …`)
  const options = { env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }, stdio: ['ignore', 'ignore', 'inherit'] }
  run('apt-get', ['update', '-q'], options)
  for (const name of packages) run('apt-get', ['install', '-y', '-q', '--no-install-recommends', name], options)
}

/**
 * Runs mocha on the project's own Node, in lanes beside each other (test/lanes/), which leave their sum in a file. Null when they could
 * not. In CI a file has a second attempt: among thousands of tests with real processes and real audio one is late on a machine that
 * stands still for a second. What needed it is named at the end.
 */
function runLanes(asked) {
  const directory = mkdtempSync(join(tmpdir(), 'dce-test-'))
  const countsFile = join(directory, 'counts.json')
  try {
    const lanes = ['--disable-warning=ExperimentalWarning', join(ROOT, 'test/lanes/run.ts')]
    run(OWN_NODE, [...lanes, ...asked], {
      env: { ...process.env, DCE_TEST_COUNTS: countsFile, DCE_TEST_SECOND_ATTEMPTS: underCi ? '1' : '' },
    })
    return existsSync(countsFile) ? JSON.parse(readFileSync(countsFile, 'utf8')) : null
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

function end(passed, failed, skipped, why) {
  if (why) say(why)
  say(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`)
  return failed > 0 || passed === 0 ? 1 : 0
}
