//! A copy of a program that links as the program does and is compiled in no time: the same types,
//! imports, exports and memories, but one function of each type, which does nothing, no data, and empty tables.
//!
//! It must only be given valid programs, and says nothing of the functions it leaves out.

use std::collections::HashMap;
use std::convert::Infallible;
use wasm_encoder::reencode::{Error, Reencode, ReencodeComponent, component_utils, utils};
use wasm_encoder::{
    CodeSection, Component, DataSection, ElementSection, Function, FunctionSection, ImportSection,
    Module, TableType,
};
use wasmparser::{
    CodeSectionReader, CustomSectionReader, Data, ElementSectionReader, FunctionSectionReader,
    ImportSectionReader, Parser, TypeRef,
};

/// Copies one core module, or a component, of whose functions it knows nothing.
#[derive(Default)]
pub struct Hollow {
    /// How many functions are imported; those keep their index.
    imported: u32,
    /// For each other function, the one of its type that stands for it.
    stands_in: Vec<u32>,
    /// How many functions are left.
    types: u32,
    /// Elements of the largest table that it begins with.
    largest_table: u64,
}

impl Hollow {
    /// Elements of the largest table that the program begins with, once it has been copied.
    pub fn largest_table(&self) -> u64 {
        self.largest_table
    }
}

impl Reencode for Hollow {
    type Error = Infallible;

    fn parse_import_section(
        &mut self,
        imports: &mut ImportSection,
        section: ImportSectionReader<'_>,
    ) -> Result<(), Error<Infallible>> {
        for import in section.clone().into_imports() {
            if matches!(import?.ty, TypeRef::Func(_) | TypeRef::FuncExact(_)) {
                self.imported += 1;
            }
        }
        utils::parse_import_section(self, imports, section)
    }

    fn parse_function_section(
        &mut self,
        functions: &mut FunctionSection,
        section: FunctionSectionReader<'_>,
    ) -> Result<(), Error<Infallible>> {
        let mut known = HashMap::new();
        for ty in section {
            let ty = ty?;
            let index = *known.entry(ty).or_insert_with(|| {
                functions.function(ty);
                self.types += 1;
                self.imported + self.types - 1
            });
            self.stands_in.push(index);
        }
        Ok(())
    }

    fn table_type(&mut self, table: wasmparser::TableType) -> Result<TableType, Error<Infallible>> {
        self.largest_table = self.largest_table.max(table.initial);
        let empty = wasmparser::TableType {
            initial: 0,
            ..table
        };
        utils::table_type(self, empty)
    }

    fn function_index(&mut self, function: u32) -> Result<u32, Error<Infallible>> {
        let own = function
            .checked_sub(self.imported)
            .and_then(|own| self.stands_in.get(usize::try_from(own).ok()?));
        Ok(own.copied().unwrap_or(function))
    }

    fn parse_code_section(
        &mut self,
        code: &mut CodeSection,
        _: CodeSectionReader<'_>,
    ) -> Result<(), Error<Infallible>> {
        let mut body = Function::new([]);
        body.instructions().unreachable().end();
        for _ in 0..self.types {
            code.function(&body);
        }
        Ok(())
    }

    /// Elements for tables that may be empty would be compiled one by one.
    fn parse_element_section(
        &mut self,
        _: &mut ElementSection,
        _: ElementSectionReader<'_>,
    ) -> Result<(), Error<Infallible>> {
        Ok(())
    }

    fn parse_data(
        &mut self,
        section: &mut DataSection,
        data: Data<'_>,
    ) -> Result<(), Error<Infallible>> {
        let empty = Data { data: &[], ..data };
        utils::parse_data(self, section, empty)
    }

    fn parse_custom_section(
        &mut self,
        _: &mut Module,
        _: CustomSectionReader<'_>,
    ) -> Result<(), Error<Infallible>> {
        Ok(())
    }
}

impl ReencodeComponent for Hollow {
    fn parse_component_submodule(
        &mut self,
        component: &mut Component,
        parser: Parser,
        module: &[u8],
    ) -> Result<(), Error<Infallible>> {
        // What is learnt of it holds in it alone: outside, indices are the component's own.
        let mut inner = Hollow::default();
        component_utils::parse_component_submodule(&mut inner, component, parser, module)?;
        self.largest_table = self.largest_table.max(inner.largest_table);
        Ok(())
    }
}
