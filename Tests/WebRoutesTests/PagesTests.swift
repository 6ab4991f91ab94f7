// Pages over the whole product, in process.
