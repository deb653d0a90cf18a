# distsys_embed(TARGET NAMESPACE FILE…): compiles files into TARGET as the table NAMESPACE::assets().
# A FILE is a path, or PATH=NAME to embed it under another name. The bytes come in by the assembler's .incbin.
enable_language(ASM)

function(distsys_embed target namespace)
  string(REPLACE "::" "_" id ${namespace})
  set(assembly ${CMAKE_CURRENT_BINARY_DIR}/${id}_assets.S)
  set(source ${CMAKE_CURRENT_BINARY_DIR}/${id}_assets.cpp)
  set(asm "    .section .rodata\n")
  set(externs "")
  set(rows "")
  set(n 0)
  foreach(entry IN LISTS ARGN)
    if(entry MATCHES "^(.*)=([^=]*)$")
      set(path ${CMAKE_MATCH_1})
      set(name ${CMAKE_MATCH_2})
    else()
      set(path ${entry})
      get_filename_component(name ${entry} NAME)
    endif()
    get_filename_component(path ${path} ABSOLUTE BASE_DIR ${CMAKE_CURRENT_SOURCE_DIR})
    set(symbol ${id}_asset_${n})
    string(APPEND asm "    .global ${symbol}\n    .global ${symbol}_end\n    .balign 16\n${symbol}:\n"
                      "    .incbin \"${path}\"\n${symbol}_end:\n")
    string(APPEND externs "extern \"C\" const char ${symbol}[], ${symbol}_end[];\n")
    string(APPEND rows "      {\"${name}\", {${symbol}, static_cast<std::size_t>(${symbol}_end - ${symbol})}},\n")
    list(APPEND inputs ${path})
    math(EXPR n "${n} + 1")
  endforeach()
  string(APPEND asm "    .section .note.GNU-stack,\"\",@progbits\n")
  file(CONFIGURE OUTPUT ${assembly} CONTENT "${asm}" @ONLY)
  file(CONFIGURE OUTPUT ${source} CONTENT "#include \"distsys/foundation/asset.hpp\"
${externs}
namespace ${namespace} {
std::span<const distsys::asset> assets() {
  static const distsys::asset table[] = {
${rows}  };
  return table;
}
}  // namespace ${namespace}
" @ONLY)
  set_source_files_properties(${assembly} PROPERTIES OBJECT_DEPENDS "${inputs}" SKIP_PRECOMPILE_HEADERS ON)
  set_source_files_properties(${source} PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
  target_sources(${target} PRIVATE ${assembly} ${source})
endfunction()
