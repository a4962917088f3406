import type { Cluster, Redis } from 'ioredis'

/** How often a cluster that is not whole is looked at again, ms. */
const LOOK_EVERY_MS = 100

/**
 * Tells whether a cluster is whole: every slot has a master that answers. It counts as one: away when one of its masters is, and lost when
 * another has taken its slots, or one more has come, since what that one knows may be older than what was told.
 */
export class ClusterWatch {
  readonly #cluster: Cluster
  readonly #onWhole: () => void
  readonly #onLost: () => void
  readonly #timer: NodeJS.Timeout
  #isWhole = false
  #isLooking = false
  #masters = ''

  constructor(cluster: Cluster, onWhole: () => void, onLost: () => void) {
    this.#cluster = cluster
    this.#onWhole = onWhole
    this.#onLost = onLost
    cluster.on('-node', (node: Redis) => {
      if (!node.options.readOnly) this.#lose()
    })
    cluster.on('refresh', () => {
      if (this.#isWhole && mastersOf(cluster) !== this.#masters) this.#lose()
    })
    this.#timer = setInterval(() => void this.#look(), LOOK_EVERY_MS)
  }

  get isWhole(): boolean {
    return this.#isWhole
  }

  /** The run of every master there is now: another one after any restart, or where a replica has taken over. */
  async runIds(): Promise<string> {
    await new Promise<void>((resolve, reject) =>
      this.#cluster.refreshSlotsCache((error) => (error ? reject(error) : resolve())),
    )
    const runs = this.#cluster
      .nodes('master')
      .map(async (node) => /^run_id:(\w+)/m.exec(await node.info('server'))![1]!)
    return (await Promise.all(runs)).toSorted().join(' ')
  }

  close(): void {
    clearInterval(this.#timer)
    this.#isWhole = false
  }

  #lose(): void {
    if (!this.#isWhole) return
    this.#isWhole = false
    this.#onLost()
  }

  async #look(): Promise<void> {
    if (this.#isWhole || this.#isLooking || this.#cluster.status !== 'ready') return
    this.#isLooking = true
    try {
      await this.runIds() // Every master answers.
      const masters = mastersOf(this.#cluster)
      const states = await Promise.all(this.#cluster.nodes('master').map((node) => node.cluster('INFO')))
      if (!states.every((state) => state.includes('cluster_state:ok')) || masters !== mastersOf(this.#cluster)) return
      this.#masters = masters
      this.#isWhole = true
      this.#onWhole()
    } catch {
      // It is looked at again.
    } finally {
      this.#isLooking = false
    }
  }
}

function mastersOf(cluster: Cluster): string {
  const names = cluster.nodes('master').map(({ options }) => `${options.host}:${options.port}`)
  return names.toSorted().join(' ')
}
