// Copies the text of an element.

/**
 * The clipboard proper works over HTTPS and on localhost only; elsewhere the text is selected and copied as a
 * person would. False: it is selected, and the person has to.
 * @param {Element} element
 */
export async function copyText(element) {
  try {
    await navigator.clipboard.writeText(element.textContent)
    return true
  } catch {
    getSelection()?.selectAllChildren(element)
    return document.execCommand('copy')
  }
}
