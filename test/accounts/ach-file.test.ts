import assert from 'node:assert/strict'
import fc from 'fast-check'
import { createAchFile, traceNumber, type AchEntry, type AchOriginator } from '../../accounts/ach-file.ts'
import { newId } from '../../model/ids.ts'
import { isRoutingNumber } from '../../model/routing-number.ts'
import { readAchFile } from '../support/ach-reader.ts'

const BANK: AchOriginator = {
  destination: '091000019',
  destinationName: 'WELLS FARGO',
  origin: '1234567890',
  originName: 'DEPENDABLE CALLS INC',
  companyName: 'DEPENDABLE CALLS',
  companyId: '1234567890',
  description: 'PAYOUT',
}
const DAYS = { createdOn: '2026-11-30', createdAt: '0930', effectiveOn: '2026-12-01', sequence: 0 }

function entry(changes: Partial<AchEntry> = {}): AchEntry {
  return {
    accountId: newId(),
    entry: 1n,
    amountMicros: 1_234_560_000n,
    holder: 'Jane Seller',
    holderType: 'person',
    kind: 'checking',
    routingNumber: '021000021',
    number: '12345-6789',
    ...changes,
  }
}

describe('an ACH file', () => {
  it('has persons in a PPD batch and companies in a CCD batch', () => {
    const text = createAchFile(
      {
        ...DAYS,
        entries: [
          entry({
            entry: 7n,
            holder: 'Łódź & Söhne GmbH, a name that is too long',
            holderType: 'company',
            kind: 'savings',
          }),
          entry({ entry: 8n }),
          entry({ entry: 9n, amountMicros: 0n, kind: 'savings' }),
        ],
      },
      BANK,
    )
    const { header, batches } = readAchFile(text)
    assert.deepEqual(
      [header['destination'], header['origin'], header['date'], header['time'], header['modifier']],
      [' 091000019', '1234567890', '261130', '0930', 'A'],
    )
    const [ppd, ccd] = batches
    assert.deepEqual(
      batches.map((batch) => [batch.header['entryClass'], batch.header['effectiveDate'], batch.header['odfi']]),
      [
        ['PPD', '261201', '09100001'],
        ['CCD', '261201', '09100001'],
      ],
    )
    assert.deepEqual(
      ppd!.entries.map(({ transaction, amount, account, trace }) => [transaction, amount, account!.trimEnd(), trace]),
      [
        ['22', '0000123456', '12345-6789', '091000010000008'],
        ['33', '0000000000', '12345-6789', '091000010000009'],
      ],
    )
    assert.deepEqual([ccd!.entries[0]!['transaction'], ccd!.entries[0]!['name']], ['32', ' odz & Sohne GmbH, a n'])
  })

  it('is read by a bank whatever is paid to whom', () => {
    const routing = fc
      .array(fc.integer({ min: 0, max: 9 }), { minLength: 8, maxLength: 8 })
      .map((digits) => {
        const sum = digits.reduce((total, digit, i) => total + digit * [3, 7, 1][i % 3]!, 0)
        return `${digits.join('')}${(10 - (sum % 10)) % 10}`
      })
      .filter((number) => number !== '000000000')
    const entries = fc.array(
      fc.record({
        amountMicros: fc.bigInt({ min: 0n, max: 99_999_999_99n }).map((cents) => cents * 10_000n),
        holder: fc.string({ unit: 'grapheme', minLength: 1 }).map((name) => `A${name}`),
        holderType: fc.constantFrom('person' as const, 'company' as const),
        kind: fc.constantFrom('checking' as const, 'savings' as const),
        routingNumber: routing,
        number: fc.stringMatching(/^[0-9A-Za-z-]{4,17}$/),
      }),
      { minLength: 1, maxLength: 25 },
    )
    fc.assert(
      fc.property(entries, fc.bigInt({ min: 1n, max: 10n ** 9n }), fc.nat(100), (drawn, first, sequence) => {
        const all = drawn.map((each, i) => entry({ ...each, entry: first + BigInt(i) }))
        const { batches } = readAchFile(createAchFile({ ...DAYS, sequence, entries: all }, BANK))
        const read = batches.flatMap((batch) => batch.entries)
        assert.equal(read.length, all.length)
        for (const { entry: number, amountMicros, routingNumber, number: account } of all) {
          const found = read.find(({ trace }) => trace === traceNumber(BANK.destination, number))!
          assert.equal(BigInt(found['amount']!) * 10_000n, amountMicros)
          assert.equal(`${found['rdfi']}${found['checkDigit']}`, routingNumber)
          assert.equal(found['account']!.trimEnd(), account)
        }
      }),
      { numRuns: 1000 },
    )
  })

  it('is not made of what has no place in it', () => {
    const make = (changes: Partial<AchEntry>) => () => createAchFile({ ...DAYS, entries: [entry(changes)] }, BANK)
    assert.throws(make({ amountMicros: 5n }), /whole cents/)
    assert.throws(make({ amountMicros: 100_000_000_000_000n }), /whole cents/)
    assert.throws(make({ amountMicros: -10_000n }), /whole cents/)
    assert.throws(make({ routingNumber: '1234567890' }), /digits/)
    assert.throws(() => createAchFile({ ...DAYS, entries: [] }, BANK), /has entries/)
  })
})

describe('a routing number', () => {
  it('is nine digits of which the last checks the others', () => {
    for (const real of ['021000021', '091000019', '011401533', '122105155']) assert.ok(isRoutingNumber(real), real)
    for (const wrong of ['021000022', '120000021', '02100002', '0210000210', '000000000', '02100002a', ''])
      assert.ok(!isRoutingNumber(wrong), wrong)
  })

  it('is another one with any digit changed', () => {
    const digits = '021000021'
    for (let i = 0; i < 9; i++)
      for (let d = 0; d < 10; d++)
        if (String(d) !== digits[i]) assert.ok(!isRoutingNumber(digits.slice(0, i) + d + digits.slice(i + 1)))
  })
})
