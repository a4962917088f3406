import type { ReassignedStore } from '../api/needs.ts'
import type { PhoneNumber } from '../model/phone-number.ts'
import { MOST_REASSIGNED_ANSWERS, type ReassignedAnswer } from '../model/reassigned-number.ts'
import type { Queries } from './postgres.ts'

/** What the Reassigned Numbers Database has answered: kept, with its time, as the proof that it was asked. */
export class PostgresReassigned implements ReassignedStore {
  readonly #queries: Queries

  constructor(queries: Queries) {
    this.#queries = queries
  }

  async add(answers: readonly ReassignedAnswer[]): Promise<number> {
    const rows = await this.#queries.rows(
      `insert into reassigned_answers (number, consent_date, answer, asked_at)
       select * from unnest($1::text[], $2::date[], $3::text[], $4::timestamptz[])
       on conflict do nothing returning 1`,
      [
        answers.map(({ number }) => number),
        answers.map(({ consentDate }) => consentDate),
        answers.map(({ answer }) => answer),
        answers.map(({ askedAt }) => askedAt),
      ],
    )
    return rows.length
  }

  async find(number: PhoneNumber): Promise<readonly ReassignedAnswer[]> {
    const rows = await this.#queries.rows(
      `select number, consent_date::text, answer, asked_at from reassigned_answers where number = $1
       order by asked_at desc, consent_date desc limit ${MOST_REASSIGNED_ANSWERS}`,
      [number],
    )
    return rows.map((row) => ({
      number: row['number'],
      consentDate: row['consent_date'],
      answer: row['answer'],
      askedAt: row['asked_at'],
    }))
  }

  async hasAny(): Promise<boolean> {
    const [row] = await this.#queries.rows('select exists (select from reassigned_answers) as has_any')
    return row!['has_any'] as boolean
  }
}
