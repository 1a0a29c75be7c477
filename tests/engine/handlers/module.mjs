export const handler = async (event) => ({ doubled: event.n * 2 })
