/** Whether this is an ABA routing number: nine digits whose weighted sum (3, 7, 1 and again) is a multiple of ten. */
export function isRoutingNumber(text: string): boolean {
  if (!/^\d{9}$/.test(text) || text === '000000000') return false
  const sum = text.split('').reduce((total, digit, i) => total + Number(digit) * [3, 7, 1][i % 3]!, 0)
  return sum % 10 === 0
}
