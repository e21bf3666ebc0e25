# frozen_string_literal: true

# A word of the language that does nothing, for the copy of the library that the
# second milter-manager uses (see ignore_item.c).  COVERAGE_OWNER and
# COVERAGE_METHOD name the method that becomes one that returns nil,
# COVERAGE_CONDITION the condition that stops nothing and sets nothing.

module IgnoreWord
  # name: a class, or the group of items that it serves
  def self.owner(name)
    group = Milter::Manager::Group.subclasses.find { |home| home.group_name == name }
    return group if group

    [Milter::Manager, Milter].each do |space|
      return space.const_get(name, false) if space.const_defined?(name.split("::").first, false)
    end
    raise "no class is called #{name}"
  end

  def self.ignore(owner, method)
    names = [method, "#{method}="]
    homes = [owner, *owner_subclasses(owner)]
    homes = [owner.singleton_class] if homes.none? { |home| names.any? { |name| home.method_defined?(name) } }
    ignored = homes.product(names).select { |home, name| home.method_defined?(name) }
    raise "#{owner} has no method #{method}" if ignored.empty?

    ignored.each { |home, name| home.define_method(name) { |*, **| nil } }
  end

  def self.owner_subclasses(owner)
    owner.is_a?(Class) ? ObjectSpace.each_object(owner.singleton_class).to_a - [owner] : []
  end
end

if ENV["COVERAGE_METHOD"]
  IgnoreWord.ignore(IgnoreWord.owner(ENV.fetch("COVERAGE_OWNER")), ENV.fetch("COVERAGE_METHOD"))
end

if ENV["COVERAGE_CONDITION"]
  Milter::Manager::ApplicableCondition.prepend(Module.new do
    def stopped_by(*)
      name == ENV["COVERAGE_CONDITION"] ? false : super
    end
  end)
end
