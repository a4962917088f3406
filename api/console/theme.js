// Light or dark: as the system has it, until the button says otherwise; then so on every page of ours.

const KEPT = 'dce.theme'

/** Shows the theme, and lets `button` change it. */
export function offerThemes(button) {
  const show = (theme) => {
    document.documentElement.dataset.theme = theme
    button.textContent = theme === 'dark' ? 'Light' : 'Dark'
  }
  button.addEventListener('click', () => {
    const theme = document.documentElement.dataset.theme === 'dark' ? 'light' : 'dark'
    localStorage.setItem(KEPT, theme)
    show(theme)
  })
  show(localStorage.getItem(KEPT) ?? (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light'))
}
