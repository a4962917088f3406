import {
  ImportRefused,
  StoreConflict,
  StoreUnavailable,
  type ImportOptions,
  type ImportProgress,
  type ListImport,
  type SuppressionStore,
} from '../../api/needs.ts'
import type { Vault } from '../../config/vault.ts'
import type { Clock } from '../../model/clock.ts'
import type { SuppressionListId } from '../../model/ids.ts'
import {
  areaOf,
  isNorthAmerican,
  localOf,
  type ImportOutcome,
  type ListChange,
  type LoadedNumbers,
  type SuppressionList,
} from '../../model/suppression-list.ts'
import type { BookWriter } from '../book-writer.ts'
import { sealedLayout } from '../sealed-layout.ts'
import { StoredTable } from '../stored-table.ts'
import type { Postgres, Queries } from '../postgres.ts'
import type { TableLayout } from '../table-layout.ts'
import { AreaDrafts, BadImport } from './area-drafts.ts'
import { loadList, ONE_SNAPSHOT } from './load-list.ts'
import type { ListTask, ListWord } from './list-messages.ts'
import { ListThread } from './list-task.ts'
import { SUPPRESSION_LISTS } from './suppression-rows.ts'
import { writeList } from './write-list.ts'

/** What is no more than this is read by whoever asks; more is read by a thread. */
const SMALL_BYTES = 512 * 1024
/** Imports under way in this process: each is a thread, and what it has read. */
const MAX_IMPORTS = 2

type Imported = Extract<ListWord, { kind: 'imported' }>

/** Do-not-call lists whose numbers are kept as sets. */
export class PostgresSuppression implements SuppressionStore {
  readonly lists: SuppressionStore['lists']
  readonly #layout: TableLayout<SuppressionList>
  readonly #postgres: Postgres
  readonly #book: BookWriter
  readonly #clock: Clock
  #imports = 0

  constructor(postgres: Postgres, book: BookWriter, clock: Clock, vault: Vault | null = null) {
    this.#layout = sealedLayout(SUPPRESSION_LISTS, vault)
    this.#postgres = postgres
    this.#book = book
    this.#clock = clock
    this.lists = new StoredTable(this.#layout, postgres, book, clock)
  }

  async import(
    listId: SuppressionListId,
    file: AsyncIterable<Uint8Array>,
    options: ImportOptions,
    onProgress: (progress: ImportProgress) => void = () => {},
  ): Promise<ImportOutcome> {
    if (this.#imports >= MAX_IMPORTS)
      throw new StoreConflict('list', `${MAX_IMPORTS} imports are under way already: try again when one has ended`)
    this.#imports++
    let read = 0
    let resolve: (imported: Imported) => void
    let reject: (error: Error) => void
    const ending = new Promise<Imported>((...settle) => ([resolve, reject] = settle))
    const write = { listId, at: new Date(this.#clock.now()), ...options }
    const thread = new ListThread({ kind: 'import', connection: this.#postgres.options, write }, (word) => {
      if (word.kind === 'read') onProgress({ bytes: (read += word.bytes), lines: word.lines })
      else if (word.kind === 'imported') resolve(word)
      else if (word.kind === 'failed') reject(errorOf(word))
    })
    try {
      const fed = thread.feed(file)
      const { outcome, bookVersion } = await Promise.race([ending, fed.then(() => ending)])
      await this.#book.written(bookVersion, null)
      return outcome
    } finally {
      this.#imports--
      ending.catch(() => {})
      await thread.stop()
    }
  }

  async change(listId: SuppressionListId, change: ListChange, doneBy: string): Promise<ImportOutcome> {
    const drafts = new AreaDrafts()
    for (const [numbers, isRemoval] of [[change.remove, true] as const, [change.add, false] as const])
      for (const number of numbers) {
        if (isNorthAmerican(number)) drafts.put(areaOf(number), localOf(number), isRemoval)
        else drafts.putForeign(number, isRemoval)
      }
    const counts = { lines: change.add.length + change.remove.length, invalid: 0, shown: [] }
    const write = {
      listId,
      mode: 'change',
      versionDate: null,
      mayShrink: true,
      doneBy,
      waits: true,
      at: new Date(this.#clock.now()),
    } as const
    try {
      const written = await this.#postgres.transaction((tx) => writeList(tx, drafts, counts, write))
      if (written === null) throw new ImportRefused('there is no such list any more')
      await this.#book.written(written.bookVersion, null)
      return written.outcome
    } catch (error) {
      throw error instanceof BadImport ? new ImportRefused(error.message) : error
    }
  }

  async imports(listId: SuppressionListId, most: number): Promise<readonly ListImport[]> {
    const rows = await this.#postgres.rows(
      'select * from suppression_imports where list_id = $1 order by id desc limit $2',
      [listId, most],
    )
    return rows.map((row) => ({
      at: row['at'],
      revision: row['revision'],
      mode: row['mode'],
      versionDate: row['version_date'],
      added: Number(row['added']),
      removed: Number(row['removed']),
      numbers: Number(row['numbers']),
      lines: Number(row['lines']),
      invalid: Number(row['invalid']),
      doneBy: row['done_by'],
    }))
  }

  /**
   * The numbers that have changed since a revision, in a thread where there are many, which leaves the processors to calls; `after` null: all of them and at once, since
   * none are there that could be relied on. Null: there is no such list.
   */
  load(listId: SuppressionListId, after: number | null): Promise<LoadedNumbers | null> {
    return loadNumbers(this.#postgres, this.#layout, listId, after)
  }
}

async function loadNumbers(
  postgres: Postgres,
  layout: TableLayout<SuppressionList>,
  listId: SuppressionListId,
  after: number | null,
): Promise<LoadedNumbers | null> {
  const areas: { area: number; packed: Uint8Array }[] = []
  const take = (area: number, packed: Uint8Array): void => void areas.push({ area, packed })
  const read =
    (await bytesOf(postgres, listId)) > SMALL_BYTES
      ? await loadInThread({ kind: 'load', connection: postgres.options, listId, after }, take)
      : await postgres.transaction((tx) => loadList(tx, listId, after ?? 0, take), ONE_SNAPSHOT)
  const { list, isWhole, damage } = read
  return list === null ? null : { list: layout.read(list), isWhole, areas, damage }
}

async function bytesOf(queries: Queries, listId: SuppressionListId): Promise<number> {
  const [row] = await queries.rows(
    'select coalesce(sum(octet_length(packed)), 0) as bytes from suppression_areas where list_id = $1',
    [listId],
  )
  return Number(row!['bytes'])
}

async function loadInThread(
  task: Extract<ListTask, { kind: 'load' }>,
  take: (area: number, packed: Uint8Array) => void,
): Promise<Extract<ListWord, { kind: 'loaded' }>> {
  let resolve: (loaded: Extract<ListWord, { kind: 'loaded' }>) => void
  let reject: (error: Error) => void
  const ending = new Promise<Extract<ListWord, { kind: 'loaded' }>>((...settle) => ([resolve, reject] = settle))
  const thread = new ListThread(task, (word) => {
    if (word.kind === 'area') take(word.area, word.packed)
    else if (word.kind === 'loaded') resolve(word)
    else if (word.kind === 'failed') reject(errorOf(word))
  })
  try {
    return await ending
  } finally {
    await thread.stop()
  }
}

function errorOf({ reason, message }: Extract<ListWord, { kind: 'failed' }>): Error {
  if (reason === 'away') return new StoreUnavailable(message)
  if (reason === 'busy') return new StoreConflict('list', message)
  return reason === 'other' ? new Error(message) : new ImportRefused(message)
}
